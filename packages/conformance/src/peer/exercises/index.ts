import type { Host } from '../host.ts';
import { census } from './census.ts';
import { churn } from './churn.ts';
import { exhaust } from './exhaust.ts';
import { checkFrames, digestFrames, digests, sendBytes, sendGarbage } from './garbage.ts';
import { idle } from './idle.ts';
import { importQuietly, probe } from './importing.ts';
import { crash, dropPrivileges, leave, quit } from './leaving.ts';
import { misuse } from './misuse.ts';
import { doubtFrames, doubts, scribble } from './scribble.ts';
import { shape } from './shape.ts';

/** What a peer can be told to do by itself, beyond what its agents do. The harness calls it by name. */
export const EXERCISES = {
  census,
  checkFrames,
  churn,
  crash,
  digestFrames,
  digests,
  doubtFrames,
  doubts,
  dropPrivileges,
  exhaust,
  idle,
  importQuietly,
  leave,
  misuse,
  probe,
  quit,
  scribble,
  sendBytes,
  sendGarbage,
  shape,
};

type Without<F> = F extends (host: Host, ...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;

/** The exercises of one peer, as the harness calls them. */
export type RemoteExercises = { readonly [K in keyof typeof EXERCISES]: Without<(typeof EXERCISES)[K]> };
