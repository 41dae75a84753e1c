import { memoryBusRate } from './memory-bus-rate.ts';
import { OBJECT } from './object.ts';

export const program = memoryBusRate(OBJECT);
