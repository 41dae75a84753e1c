import type { RowSpec } from '../row.ts';
import { IN_PROCESS_ROWS } from './in-process.ts';
import { LOG_ROWS } from './log.ts';
import { SHM_ROWS } from './shm.ts';
import { SPLIT_ROWS } from './split.ts';
import { UDS_ROWS } from './uds.ts';

export const ROWS: readonly RowSpec[] = [...SHM_ROWS, ...UDS_ROWS, ...SPLIT_ROWS, ...IN_PROCESS_ROWS, ...LOG_ROWS];
