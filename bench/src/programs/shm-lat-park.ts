import { shmRawLatency } from './shm-raw-lat.ts';

export const program = shmRawLatency('park');
