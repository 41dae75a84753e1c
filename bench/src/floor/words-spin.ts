import { sharedWords } from './words.ts';

export const program = sharedWords(10_000);
