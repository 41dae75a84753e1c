import type { RemoteExercises } from '../peer/exercises/index.ts';
import { EXERCISE, type FromPeer, type WireError } from '../peer/wire.ts';
import type { PeerHandle } from './peer-handle.ts';

/** An object in a peer, called from the harness: every method, with a promise. */
export type Remote<T> = {
  readonly [K in keyof T as T[K] extends (...args: never[]) => unknown ? K : never]: T[K] extends (
    ...args: infer A
  ) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never;
};

/** A call that failed in the peer. */
export class RemoteFailure extends Error {
  override readonly name = 'RemoteFailure';
  /** The name and code of the error there; code is undefined where it had none. */
  readonly kind: string;
  readonly code: string | undefined;

  constructor(error: WireError) {
    super(error.message);
    this.kind = error.name;
    this.code = error.code;
  }
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Calls into one peer. When the peer ends, what is pending fails. */
export class Calls {
  readonly #peer: PeerHandle;
  readonly #pending = new Map<number, Pending>();
  #next = 0;
  #ended: string | undefined;

  constructor(peer: PeerHandle) {
    this.#peer = peer;
    void peer.exited.then((how) => {
      this.#ended = how;
      for (const call of this.#pending.values()) call.reject(gone(how));
      this.#pending.clear();
    });
  }

  /** Takes an answer; false for other messages. */
  take(message: FromPeer): boolean {
    if (message.op !== 'value' && message.op !== 'error') return false;
    const call = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.op === 'value') call?.resolve(message.value);
    else call?.reject(new RemoteFailure(message.error));
    return true;
  }

  remote<T>(agent: string): Remote<T> {
    return this.#proxy(agent) as Remote<T>;
  }

  exercises(): RemoteExercises {
    return this.#proxy(EXERCISE) as unknown as RemoteExercises;
  }

  #proxy(agent: string): object {
    return new Proxy(
      {},
      {
        get: (_target, method) => {
          // Not a thenable: a remote can be returned from an async function.
          if (method === 'then') return undefined;
          return (...args: unknown[]) => this.#call(agent, String(method), args);
        },
      },
    );
  }

  #call(agent: string, method: string, args: unknown[]): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(gone(this.#ended));
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#pending.set(id, { resolve, reject });
      this.#peer.post({ op: 'call', id, agent, method, args });
    });
  }
}

function gone(how: string): Error {
  return new Error(`the peer ended: ${how}`);
}
