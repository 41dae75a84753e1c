import { call, type Priority, topic } from '@busbar/core';
import type { AgentName } from './crew-list.ts';
import type { ClassReport } from './route-log.ts';
import type { Totals } from './totals.ts';

/**
 * Everything the processes of a survey say to each other. Who says it to whom, and how urgently:
 *
 * | contract  | from -> to                          | priority             |
 * | --------- | ----------------------------------- | -------------------- |
 * | Sighting  | scout -> orchestrator               | normal               |
 * | Content   | reader -> analyst                   | high, or batch       |
 * | Finding   | analyst -> archivist, orchestrator  | normal               |
 * | Kept      | archivist -> orchestrator           | normal               |
 * | Heartbeat | every agent -> supervisor           | low, best-effort     |
 * | Order     | supervisor -> everybody             | critical             |
 *
 * Calls: CheckIn is served by the orchestrator, Scan by the scout, Read by both readers, Refill and Report by the
 * archivist, Halt by the supervisor, Debrief by each agent under its own name.
 */

/** A file the scout has seen, or a place it could not look into. Paths are relative to the surveyed directory. */
export interface SightingMessage {
  readonly path: string;
  readonly bytes: number;
  /** Why it cannot be surveyed; absent for files that can. */
  readonly problem?: string;
}
export const Sighting = topic<SightingMessage>('survey.sighting');

/** The bytes of one file, whole; its path is the header `path`. See `contentPriority`. */
export const Content = topic<Uint8Array>('survey.content');

/** What a small file is: anything that goes out in front of bulk. Bytes. */
const SMALL_FILE_BYTES = 64 * 1024;

/** Small files must not wait behind large ones. */
export function contentPriority(bytes: number): Priority {
  return bytes <= SMALL_FILE_BYTES ? 'high' : 'batch';
}

/** What the analyst found in one file. */
export interface FindingMessage {
  readonly path: string;
  readonly bytes: number;
  readonly language: string;
  readonly lines: number;
  readonly todos: number;
  readonly imports: number;
  /** SHA-256 of the content, hexadecimal. */
  readonly hash: string;
}
export const Finding = topic<FindingMessage>('survey.finding');

/** The archivist holds the findings of these files: only now are they done. */
export interface KeptMessage {
  readonly paths: readonly string[];
}
export const Kept = topic<KeptMessage>('survey.kept');

export interface HeartbeatMessage {
  /** Counts up from 1 in each life of an agent. */
  readonly beat: number;
}
export const Heartbeat = topic<HeartbeatMessage>('survey.heartbeat', undefined, {
  priority: 'low',
  reliability: 'best-effort',
});

export interface OrderMessage {
  readonly order: 'pause' | 'resume' | 'halt';
  readonly reason: string;
}
export const Order = topic<OrderMessage>('survey.order', undefined, { priority: 'critical' });

/** An agent is ready: its subscriptions are known to everybody who is here. False: too late, the survey is over. */
export const CheckIn = call<{ readonly agent: AgentName }, boolean>('survey.check-in');

/** Look for files. The answer comes after the last sighting has arrived. */
export const Scan = call<null, null>('survey.scan');

export type ReadResult =
  /** The content is with the analyst of this instance id. */
  | { readonly status: 'delivered'; readonly analyst: string }
  /** No analyst took it: read it again when there is one. */
  | { readonly status: 'undelivered' }
  | { readonly status: 'unreadable'; readonly reason: string };
export const Read = call<{ readonly path: string; readonly bytes: number }, ReadResult>('survey.read');

/** Findings for an archivist that has started empty, or missed them. */
export const Refill = call<readonly FindingMessage[], null>('survey.refill');

export const Report = call<null, Totals>('survey.report');

export const Halt = call<{ readonly reason: string }, null>('survey.halt');

/** What an agent has received, by class of message. One call for each agent: its name is part of the call's. */
export const debriefOf = (agent: AgentName) => call<null, readonly ClassReport[]>(`survey.debrief.${agent}`);
