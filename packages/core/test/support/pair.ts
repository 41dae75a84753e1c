import type { DeadLetterStore } from '../../src/acknowledged/dead-letter-store.ts';
import { Bus } from '../../src/bus.ts';
import { CodecTable } from '../../src/codecs/index.ts';
import { CONTRACT_VERSION, KIND, type Logger, type PeerInfo, type TransportPlugin } from '../../src/contract/index.ts';
import type { ControlChannel, ControlConnection, ControlMessage } from '../../src/control/control-connection.ts';
import type { Hello } from '../../src/control/hello.ts';
import { ownProcess } from '../../src/control/process-identity.ts';
import type { Records } from '../../src/control/records.ts';
import { Engine } from '../../src/engine.ts';
import { read } from '../../src/hot-plug.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts';
import { ProcessHold } from '../../src/process-hold.ts';
import { HYBRID, type Policy } from '../../src/selector/policy.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { TransportSet } from '../../src/transports.ts';
import type { Fabric } from './fabric.ts';

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Lets everything that was queued (promises, ticks, immediates) run. */
export async function turn(): Promise<void> {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
}

export interface Participant {
  readonly bus: Bus;
  readonly engine: Engine;
  /** Protocol violations and failures it reported. */
  readonly errors: string[];
}

export interface PairOptions {
  readonly limits?: Partial<Limits>;
  readonly policy?: Policy;
  /** Media beside the fabrics, of the participant of that name. */
  readonly plugins?: (name: string) => readonly TransportPlugin[];
  readonly deadLetters?: DeadLetterStore;
}

/** Two buses over fabrics, with a control plane in memory and a clock turned by hand; no files, no sockets. */
export class Pair {
  readonly clock: VirtualClock;
  readonly control: ControlGate;
  readonly a: Participant;
  readonly b: Participant;
  readonly #holds: ProcessHold[];

  private constructor(a: Participant, b: Participant, holds: ProcessHold[], clock: VirtualClock, control: ControlGate) {
    this.a = a;
    this.b = b;
    this.#holds = holds;
    this.clock = clock;
    this.control = control;
  }

  static async create(fabrics: readonly Fabric[], options: PairOptions = {}): Promise<Pair> {
    const clock = new VirtualClock();
    const holds = [new ProcessHold(), new ProcessHold()];
    const a = await participant('a', fabrics, options, clock, holds[0]);
    const b = await participant('b', fabrics, options, clock, holds[1]);
    const control = new ControlGate();
    const [left, right] = channels(control);
    greet(a.engine, b.engine, left);
    greet(b.engine, a.engine, right);
    await turn();
    return new Pair(a, b, holds, clock, control);
  }

  /** The link from `from` to the other. */
  link(from: Participant) {
    const to = from === this.a ? this.b : this.a;
    const member = from.engine.membership.member(to.engine.self.id);
    if (member === undefined) throw new Error(`the link was cut: ${[...this.a.errors, ...this.b.errors].join('; ')}`);
    return member.link;
  }

  async close(): Promise<void> {
    await Promise.all([this.a.bus.close({ timeout: 1 }), this.b.bus.close({ timeout: 1 }), this.clock.advance(10)]);
    for (const hold of this.#holds) hold.end();
  }
}

export async function participant(
  name: string,
  fabrics: readonly Fabric[],
  options: PairOptions,
  clock: VirtualClock,
  hold: ProcessHold,
): Promise<Participant> {
  const self: PeerInfo = { id: name.repeat(16), name, pid: process.pid, uid: undefined, verified: false };
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const transports = new TransportSet();
  const engine = new Engine(
    {
      self,
      process: ownProcess(),
      clock,
      logger: silent,
      limits,
      policy: options.policy ?? HYBRID,
      codecs: new CodecTable(),
      // Never read: the two are introduced by `greet`, nobody is looked for.
      records: undefined as unknown as Records,
      transports,
      deadLetters: options.deadLetters,
      spins: false,
    },
    hold,
  );
  await transports.start(
    [...fabrics.map((fabric) => fabric.plugin()), ...(options.plugins?.(name) ?? [])],
    {
      self,
      directory: '',
      clock,
      logger: silent,
      metrics: engine.counters,
      signal: new AbortController().signal,
      limits: { maxFrameLength: 2 ** 26, unwrittenBytes: limits.unwrittenBytes },
    },
    {
      send: (peer, transport, message) => {
        const connection = engine.membership.member(peer.id)?.connection;
        connection?.send(KIND.ATTACH, 0, message, transport);
        return connection !== undefined;
      },
      violation: (_, error) => engine.rejected(error),
    },
  );
  for (const inUse of transports.installed) read(engine, inUse);
  const errors: string[] = [];
  engine.events.on('error', (error) => errors.push(error.message));
  const bus = new Bus(engine, () => transports.close());
  return { bus, engine, errors };
}

export function greet(engine: Engine, other: Engine, channel: Channel): void {
  const hello: Hello = {
    contract: CONTRACT_VERSION,
    bus: 'test',
    secret: '',
    id: other.self.id,
    name: other.self.name,
    process: other.process,
    session: 'session',
    patterns: other.announced.patterns,
    groups: other.announced.groups,
    services: other.announced.services,
    transports: other.transports.offers(),
  };
  engine.membership.greeted({
    connection: channel as ControlChannel as ControlConnection,
    hello,
    credentials: undefined,
    session: 'session',
    resumed: false,
  });
}

/** What control channels carry arrives in its order: in a microtask, or while `hold` holds it, after `pass`. */
export class ControlGate {
  #held: (() => void)[] | undefined;

  hold(): void {
    this.#held ??= [];
  }

  pass(): void {
    for (const arrive of this.#held ?? []) queueMicrotask(arrive);
    this.#held = undefined;
  }

  carry(arrive: () => void): void {
    if (this.#held === undefined) queueMicrotask(arrive);
    else this.#held.push(arrive);
  }
}

/** One end of a control channel in memory. */
class Channel implements ControlChannel {
  other!: Channel;
  readonly #gate: ControlGate;
  #handler: (message: ControlMessage) => void = () => {};
  #ended: ((reason: undefined) => void) | undefined;

  constructor(gate: ControlGate) {
    this.#gate = gate;
  }

  send(kind: number, id: number, payload: Uint8Array, topic = ''): void {
    this.#gate.carry(() => this.other.#handler({ kind, id, topic, payload }));
  }

  onMessage(handler: (message: ControlMessage) => void): void {
    this.#handler = handler;
  }

  onClose(handler: (reason: undefined) => void): void {
    this.#ended = handler;
  }

  close(): Promise<void> {
    this.#gate.carry(() => this.other.#ended?.(undefined));
    return Promise.resolve();
  }

  destroy(): void {
    void this.close();
  }
}

export function channels(gate = new ControlGate()): [Channel, Channel] {
  const left = new Channel(gate);
  const right = new Channel(gate);
  left.other = right;
  right.other = left;
  return [left, right];
}
