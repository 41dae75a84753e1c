export { type ShmOptions, shm } from './plugin.ts';
