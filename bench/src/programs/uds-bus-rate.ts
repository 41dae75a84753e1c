import { busRate } from './bus-rate.ts';

export const program = busRate('uds');
