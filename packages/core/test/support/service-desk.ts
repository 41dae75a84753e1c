import { expect } from 'vitest';
import { ActiveService, type RequestHandler } from '../../src/calls/active-service.ts';
import type { Served } from '../../src/calls/running.ts';
import type { ServiceHost } from '../../src/calls/service-base.ts';
import { CodecTable } from '../../src/codecs/index.ts';
import { type BusError, KIND } from '../../src/contract/index.ts';
import type { CreditAccount, CreditHold } from '../../src/credit.ts';
import { Deadlines } from '../../src/deadlines.ts';
import { Encoder } from '../../src/delivery/encoder.ts';
import type { Shipment } from '../../src/delivery/outgoing.ts';
import { Expiry } from '../../src/expiry.ts';
import type { Link } from '../../src/link/link.ts';
import type { StandardSchema } from '../../src/standard-schema.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { turn } from './pair.ts';

interface Answer {
  readonly id: number;
  readonly kind: 'reply' | 'error';
  readonly value: unknown;
}

/** The bus around one service: asks it, and keeps its answers. */
export class Host implements ServiceHost, CreditAccount {
  readonly codecs = new CodecTable();
  readonly encoder = new Encoder(this.codecs, 1 << 20);
  readonly clock = new VirtualClock();
  readonly deadlines = new Deadlines(this.clock);
  readonly expiry = new Expiry(this.clock, this.deadlines);
  readonly answers: Answer[] = [];
  readonly failures: BusError[] = [];
  /** Bytes whose credit went back. */
  credit = 0;
  closed = 0;
  retirements = 0;
  service!: ActiveService;

  handlerFailed(error: BusError): void {
    this.failures.push(error);
  }

  answer(request: Served, call: string, kind: number, { payload, start, size, codec }: Shipment): void {
    expect(call).toBe('work');
    const value = this.codecs.byId(codec).decode(payload.u8, start, start + size);
    this.answers.push({ id: request.id, kind: kind === KIND.REPLY ? 'reply' : 'error', value });
  }

  awaitContinuations(): void {}

  isExpired(hold: CreditHold): boolean {
    return this.expiry.hasPassed(hold.expiry);
  }

  unserved(): void {
    this.closed++;
  }

  retired(): void {
    this.retirements++;
  }

  returned(cost: number): void {
    this.credit += cost;
  }

  /** Request `id` with its number as input, good for `ms`; it costs 10 bytes. */
  ask(id: number, link?: Link, ms?: number): void {
    const from = { id: 'b'.repeat(16), name: 'b', pid: 1, uid: undefined, verified: false };
    const expiry = ms === undefined ? 0 : this.expiry.after(ms);
    const more = { input: id, headers: undefined, expiry, progress: undefined, window: 0 };
    this.service.offer({ link, from, id, priority: 2, flow: 0, ...more }, this, 10);
  }
}

export interface ServeOptions {
  readonly input?: StandardSchema;
  readonly output?: StandardSchema;
  readonly concurrency?: number;
}

export function serve(handler: RequestHandler, { input, output, concurrency = 16 }: ServeOptions = {}): Host {
  const host = new Host();
  host.service = new ActiveService(host, 'work', handler, input, output, concurrency);
  return host;
}

/** Serves with handlers that wait for `answers[id]`. */
export function desk(concurrency: number) {
  const begun: number[] = [];
  const answers = new Map<number, (value: unknown) => void>();
  const signals = new Map<number, AbortSignal>();
  const host = serve(
    (input, { signal }) => {
      begun.push(input as number);
      signals.set(input as number, signal);
      return new Promise((resolve) => answers.set(input as number, resolve));
    },
    { concurrency },
  );
  const answer = async (id: number): Promise<void> => {
    answers.get(id)?.(`answer ${id}`);
    await turn();
  };
  return { host, service: host.service, begun, signals, answer };
}
