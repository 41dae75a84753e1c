import type { FrameBuffer } from '@busbar/core/contract';
import type { AtomicBuffer } from '../src/atomic-buffer.ts';

/**
 * Searches all interleavings of programs that share memory: the real code, run over modelled words.
 *
 * Each program is deterministic given what it reads, so it is run again from the start for every step, with the answers
 * it had before; at the next access it is stopped. What one program stores lies in its store buffer until it is
 * flushed, at any later moment and, for different words, in any order: a release waits for all stores before it, a
 * sequential access for an empty buffer. That is weaker than x86 and about as weak as ARM's stores. Loads are in
 * program order.
 */
export type Program = (shared: Shared) => void;

/** What one program sees. */
export interface Shared {
  readonly words: AtomicBuffer;
  /** The same words, for payloads: each 32-bit element is an access. */
  readonly memory: FrameBuffer;
  /** A doorbell at `offset`: `ring` is heard by the next `sleep`, or the one under way. */
  readonly ring: (offset: number) => void;
  readonly sleep: (offset: number) => void;
}

export interface Found {
  readonly states: number;
  /** What went wrong first, with the schedule that led to it; undefined when nothing can. */
  readonly violation: string | undefined;
}

interface Access {
  readonly kind: 'load' | 'store' | 'release' | 'sequential store' | 'exchange' | 'sleep';
  readonly offset: number;
  readonly value: number;
}

interface Stored {
  readonly offset: number;
  readonly value: number;
  readonly release: boolean;
}

interface State {
  readonly memory: ReadonlyMap<number, number>;
  readonly buffers: readonly (readonly Stored[])[];
  /** What each program was answered so far. */
  readonly answers: readonly (readonly number[])[];
}

/** Thrown out of a program at an access that has no answer yet. */
class Stop extends Error {
  readonly access: Access;

  constructor(access: Access) {
    super('stop');
    this.access = access;
  }
}

const MAX_STATES = 3_000_000;

/** `weaken` stands between a program and memory: the planted bugs. */
export function search(programs: readonly Program[], weaken: (words: AtomicBuffer) => AtomicBuffer = same): Found {
  const seen = new Set<string>();
  const start: State = {
    memory: new Map(),
    buffers: programs.map(() => []),
    answers: programs.map(() => []),
  };
  const stack: { state: State; path: readonly string[] }[] = [{ state: start, path: [] }];
  let states = 0;
  for (;;) {
    const top = stack.pop();
    if (top === undefined) return { states, violation: undefined };
    const key = keyOf(top.state);
    if (seen.has(key)) continue;
    seen.add(key);
    if (++states > MAX_STATES) throw new Error(`more than ${MAX_STATES} states: make the programs smaller`);
    let next: { state: State; step: string }[];
    try {
      next = successors(top.state, programs, weaken);
    } catch (error) {
      return { states, violation: `${(error as Error).message}\n  ${top.path.join('\n  ')}` };
    }
    for (const { state, step } of next) stack.push({ state, path: [...top.path, step] });
  }
}

function same(words: AtomicBuffer): AtomicBuffer {
  return words;
}

function keyOf({ memory, buffers, answers }: State): string {
  const words = [...memory].sort(([a], [b]) => a - b);
  return JSON.stringify([words, buffers.map((buffer) => buffer.map(({ offset, value }) => [offset, value])), answers]);
}

/** @throws Error when a program fails, or all that are not done sleep for ever */
function successors(
  state: State,
  programs: readonly Program[],
  weaken: (words: AtomicBuffer) => AtomicBuffer,
): { state: State; step: string }[] {
  const next: { state: State; step: string }[] = [];
  let unfinished = 0;
  for (const [index, program] of programs.entries()) {
    for (const flushed of flushes(state, index)) next.push(flushed);
    const access = nextAccess(program, state.answers[index], weaken);
    if (access === undefined) continue;
    unfinished++;
    const after = execute(state, index, access);
    if (after === undefined) continue;
    const taken = { state: after, step: `${index}: ${access.kind} ${access.offset} ${access.value}` };
    // Into one's own buffer: nobody else can tell when, so that no other order need be tried.
    if (access.kind === 'store' || access.kind === 'release') return [taken];
    next.push(taken);
  }
  if (unfinished > 0 && next.length === 0) throw new Error('a sleeper is never woken');
  return next;
}

/** What `program` does next, or undefined when it is done. */
function nextAccess(
  program: Program,
  answers: readonly number[],
  weaken: (words: AtomicBuffer) => AtomicBuffer,
): Access | undefined {
  let given = 0;
  const perform = (kind: Access['kind'], offset: number, value = 0): number => {
    if (given < answers.length) return answers[given++];
    throw new Stop({ kind, offset, value });
  };
  const words: AtomicBuffer = {
    storePlain: (offset, value) => void perform('store', offset, value),
    loadAcquire: (offset) => perform('load', offset),
    storeRelease: (offset, value) => void perform('release', offset, value),
    loadSequential: (offset) => perform('load', offset),
    storeSequential: (offset, value) => void perform('sequential store', offset, value),
    exchange: (offset, value) => perform('exchange', offset, value),
  };
  const elements = new Proxy([] as unknown as Int32Array, {
    get: (_, index) => perform('load', Number(index) * 4),
    set: (_, index, value) => {
      perform('store', Number(index) * 4, value);
      return true;
    },
  });
  try {
    program({
      words: weaken(words),
      memory: { i32: elements, u8: new Uint8Array(0), transferable: false },
      ring: (offset) => void perform('exchange', offset, 1),
      sleep: (offset) => void perform('sleep', offset),
    });
    return undefined;
  } catch (error) {
    if (error instanceof Stop) return error.access;
    throw error;
  }
}

/** The state after `access`; undefined while it has to wait. */
function execute(state: State, index: number, { kind, offset, value }: Access): State | undefined {
  const buffer = state.buffers[index];
  const answers = (answer: number): number[][] =>
    state.answers.map((of, program) => (program === index ? [...of, answer] : [...of]));
  const current = state.memory.get(offset) ?? 0;
  switch (kind) {
    case 'load':
      return { ...state, answers: answers(buffer.findLast((stored) => stored.offset === offset)?.value ?? current) };
    case 'store':
    case 'release': {
      const stored = { offset, value, release: kind === 'release' };
      const buffers = state.buffers.map((of, program) => (program === index ? [...of, stored] : of));
      return { ...state, buffers, answers: answers(0) };
    }
    default:
      if (buffer.length > 0 || (kind === 'sleep' && current === 0)) return undefined;
      return { ...state, memory: new Map(state.memory).set(offset, value), answers: answers(current) };
  }
}

/** Every store of program `index` that may reach memory now. */
function flushes(state: State, index: number): { state: State; step: string }[] {
  const buffer = state.buffers[index];
  return buffer.flatMap((stored, at) => {
    const before = buffer.slice(0, at);
    if (stored.release ? at > 0 : before.some(({ offset }) => offset === stored.offset)) return [];
    const buffers = state.buffers.map((of, program) => (program === index ? of.filter((_, i) => i !== at) : of));
    const memory = new Map(state.memory).set(stored.offset, stored.value);
    return [{ state: { ...state, buffers, memory }, step: `${index}: ${stored.offset} = ${stored.value} is seen` }];
  });
}
