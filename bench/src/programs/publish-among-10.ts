import { publishAmong } from './publish-among.ts';

export const program = publishAmong(10);
