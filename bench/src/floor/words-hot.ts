import { sharedWords } from './words.ts';

export const program = sharedWords(1);
