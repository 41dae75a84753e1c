import type { Job } from './program.ts';
import type { ProgramName } from './programs/index.ts';

/** The job as it is sent to a process. */
export type JobOrder = Omit<Job, 'partner'> & { readonly program: ProgramName; readonly role: 'serve' | 'drive' };

/** From the harness to a process. */
export type Order =
  | { readonly op: 'start'; readonly job: JobOrder }
  | { readonly op: 'slice'; readonly milliseconds: number }
  | { readonly op: 'cpu' }
  | { readonly op: 'partner'; readonly message: unknown };

/** From a process to the harness. */
export type Answer =
  | { readonly op: 'started' }
  | { readonly op: 'sliced'; readonly messages: number; readonly seconds: number; readonly counts: Uint32Array }
  | { readonly op: 'cpu'; readonly micros: number }
  | { readonly op: 'failed'; readonly error: string }
  | { readonly op: 'partner'; readonly message: unknown };
