import { BusError } from '../../src/contract/index.ts';
import { ProcessHold } from '../../src/process-hold.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import type { Fabric } from './fabric.ts';
import { channels, greet, type PairOptions, type Participant, participant, turn } from './pair.ts';

/** Several buses that all know each other, like a `Pair`; named a, b, c, … */
export class Mesh {
  readonly clock = new VirtualClock();
  readonly members: Participant[] = [];
  readonly #holds: ProcessHold[] = [];
  readonly #fabric: Fabric;

  private constructor(fabric: Fabric) {
    this.#fabric = fabric;
  }

  static async create(count: number, fabric: Fabric, options: PairOptions = {}): Promise<Mesh> {
    const mesh = new Mesh(fabric);
    for (let i = 0; i < count; i++) {
      const hold = new ProcessHold();
      mesh.#holds.push(hold);
      const one = await participant('abcdefgh'[i], [fabric], options, mesh.clock, hold);
      for (const other of mesh.members) {
        const [left, right] = channels();
        greet(one.engine, other.engine, left);
        greet(other.engine, one.engine, right);
      }
      mesh.members.push(one);
    }
    await turn();
    return mesh;
  }

  /** `one` is gone for all others, with what was on its way from and to it. */
  async kill(one: Participant): Promise<void> {
    const { id } = one.engine.self;
    for (const lane of this.#fabric.lanes) if (lane.owner === id) lane.break(true);
    for (const other of this.members) {
      const link = other.engine.membership.member(id)?.link;
      if (other === one || link === undefined) continue;
      for (const lane of this.#fabric.lanes)
        if (lane.owner === other.engine.self.id && lane.inboxOwner === id) lane.break(true);
      other.engine.membership.cut(link, new BusError('PEER_GONE', 'killed by the test'));
    }
    for (const { link } of one.engine.membership.members)
      one.engine.membership.cut(link, new BusError('PEER_GONE', 'killed by the test'));
    await turn();
  }

  async close(): Promise<void> {
    await Promise.all([...this.members.map(({ bus }) => bus.close({ timeout: 1 })), this.clock.advance(10)]);
    for (const hold of this.#holds) hold.end();
  }
}
