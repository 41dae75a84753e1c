import { BusError } from '../../src/contract/index.ts';
import { ProcessHold } from '../../src/process-hold.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import type { Fabric } from './fabric.ts';
import { ControlGate, channels, greet, type PairOptions, type Participant, participant, turn } from './pair.ts';

/** Several buses that all know each other, like a `Pair`; named a, b, c, … */
export class Mesh {
  readonly clock = new VirtualClock();
  readonly control = new ControlGate();
  /** All that ever joined. */
  readonly members: Participant[] = [];
  readonly #holds: ProcessHold[] = [];
  readonly #fabrics: readonly Fabric[];
  readonly #options: PairOptions;
  /** Killed, or closed. */
  readonly #gone = new Set<Participant>();

  private constructor(fabrics: readonly Fabric[], options: PairOptions) {
    this.#fabrics = fabrics;
    this.#options = options;
  }

  static async create(count: number, fabrics: Fabric | readonly Fabric[], options: PairOptions = {}): Promise<Mesh> {
    const mesh = new Mesh([fabrics].flat(), options);
    for (let i = 0; i < count; i++) await mesh.join();
    await turn();
    return mesh;
  }

  /** One more, which meets all others whose links stand. */
  async join(): Promise<Participant> {
    const hold = new ProcessHold();
    this.#holds.push(hold);
    const name = 'abcdefgh'[this.members.length];
    const one = await participant(name, this.#fabrics, this.#options, this.clock, hold);
    for (const other of this.members) {
      if (this.#gone.has(other)) continue;
      const [left, right] = channels(this.control);
      greet(one.engine, other.engine, left);
      greet(other.engine, one.engine, right);
    }
    this.members.push(one);
    return one;
  }

  /** `one` is gone for all others, with what was on its way from and to it. */
  async kill(one: Participant): Promise<void> {
    const { id } = one.engine.self;
    const lanes = this.#fabrics.flatMap((fabric) => [...fabric.lanes]);
    this.#gone.add(one);
    for (const lane of lanes) if (lane.owner === id) lane.break(true);
    for (const other of this.members) {
      const link = other.engine.membership.member(id)?.link;
      if (other === one || link === undefined) continue;
      for (const lane of lanes) if (lane.owner === other.engine.self.id && lane.inboxOwner === id) lane.break(true);
      other.engine.membership.cut(link, new BusError('PEER_GONE', 'killed by the test'));
    }
    // The dead one gives nothing of its own to others.
    for (const member of one.engine.membership.members) member.forgetInterest();
    for (const { link } of one.engine.membership.members)
      one.engine.membership.cut(link, new BusError('PEER_GONE', 'killed by the test'));
    await turn();
  }

  /** `one` says goodbye, with at most `timeout` ms of the clock to deliver what it has. */
  leave(one: Participant, timeout: number): Promise<unknown> {
    this.#gone.add(one);
    return one.bus.close({ timeout });
  }

  async close(): Promise<void> {
    await Promise.all([...this.members.map(({ bus }) => bus.close({ timeout: 1 })), this.clock.advance(10)]);
    for (const hold of this.#holds) hold.end();
  }
}
