import { between, type Tally } from '@busbar/conformance/campaigns';
import type { Participant } from '../participant.ts';
import type { FaultKind, PlannedFault } from './faults.ts';

const MESSAGES_PER_FAULT = 10_000;
/** A fault strikes when so many of its messages are sent, at most, */
const LATEST_STRIKE = 3_000;
/** and is over when so many more are, */
const LASTS_MESSAGES = 3_000;
/** or at the latest after so many ms. */
const LASTS_MS = 300;
/** Within which the bus gives up a route that is full. */
const ABANDON_MS = 3_000;
const MOST_FRAMES = 100;
const DELAY_MS = { least: 20, most: 50 };
/** Within which messages are sent and settled, whatever happens to the transports. */
const SETTLE_MS = 10_000;
const ARRIVAL_MS = 10_000;
const LOOK_MS = 10;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One run of the campaign: the sending process, the receiving one, and what has been done to them. */
export class Migration {
  readonly #tally: Tally;
  readonly #next: () => number;
  readonly #sender: Participant<'migration-sender'>;
  readonly #receiver: Participant<'migration-receiver'>;
  /** Messages of all faults so far. */
  #messages = 0;
  readonly #done: Record<string, number> = {};
  #round: string[] = [];
  #described = false;

  constructor(
    tally: Tally,
    next: () => number,
    sender: Participant<'migration-sender'>,
    receiver: Participant<'migration-receiver'>,
  ) {
    this.#tally = tally;
    this.#next = next;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  async open(directory: string): Promise<void> {
    await this.#receiver.call('open', directory);
    await this.#sender.call('open', directory);
  }

  async begin(seed: number): Promise<void> {
    this.#round = [];
    await this.#sender.call('work', seed);
  }

  /** Strikes what carries messages, and puts it back. False: nothing does. */
  async fault({ kind, transport: preferred }: PlannedFault): Promise<boolean> {
    const sender = this.#sender;
    const strikesAt = this.#messages + between(this.#next, 0, LATEST_STRIKE);
    this.#messages += MESSAGES_PER_FAULT;
    const fault = {
      kind,
      frames: between(this.#next, 1, MOST_FRAMES),
      delayMs: between(this.#next, DELAY_MS.least, DELAY_MS.most),
    };
    await sender.call('allow', MESSAGES_PER_FAULT);
    const transport = await sender.call('strike', strikesAt, preferred, fault, SETTLE_MS);
    if (transport === undefined) {
      this.#tally.count('wedged', 1, 'nothing moves any more');
      await this.#describe();
      return false;
    }
    this.#tally.trials++;
    this.#round.push(`${kind} ${transport}`);
    if (kind === 'endpointKilled') await this.#receiver.call('kill', transport);
    if (kind === 'filled') await this.#abandoned(transport);
    else await sender.call('reached', strikesAt + LASTS_MESSAGES, LASTS_MS);
    if (kind === 'endpointKilled') await this.#receiver.call('restore', transport);
    this.#note(kind, transport, await sender.call('putBack', transport));
    return true;
  }

  /** The bus has to notice by itself that the medium is full and stays so. */
  async #abandoned(transport: string): Promise<void> {
    const since = performance.now();
    const abandoned = await this.#sender.call('abandoned', transport, ABANDON_MS);
    this.#tally.measure('abandonedAfterMaxMs', performance.now() - since);
    this.#tally.expect(abandoned, `${transport} was full for ${ABANDON_MS} ms, and the bus has not given it up`);
    if (!abandoned) await this.#describe();
  }

  #note(kind: FaultKind, transport: string, hit: boolean): void {
    const done = this.#done;
    for (const what of [kind, `${transport}Struck`, ...(hit ? [`${kind}Hits`] : [])])
      done[what] = (done[what] ?? 0) + 1;
    if (hit) this.#tally.hits++;
  }

  /** Ends a round: everything is settled, everything has arrived. False when something is wrong. */
  async rest(): Promise<boolean> {
    const tally = this.#tally;
    const { sent, unsettled, failed, errors } = await this.#sender.call('rest', SETTLE_MS);
    const expected = sent.reduce((sum, count) => sum + count, 0);
    for (const end = performance.now() + ARRIVAL_MS; performance.now() < end; await sleep(LOOK_MS))
      if ((await this.#receiver.call('arrived')) >= expected) break;
    let clean = unsettled === 0 && failed === 0 && errors.length === 0;
    tally.count('hung', unsettled, 'messages without an outcome');
    tally.expect(failed === 0, `${failed} messages were not delivered`);
    for (const error of errors) tally.find(`the sender: ${error}`);
    for (const [flow, report] of (await this.#receiver.call('reports')).entries()) {
      const { arrived, duplicated, reordered, corrupt } = report;
      const lost = sent[flow] - (arrived - duplicated);
      tally.count('lost', lost, `of flow ${flow}`);
      tally.count('duplicated', duplicated, `of flow ${flow}`);
      tally.count('reordered', reordered, `of flow ${flow}`);
      tally.count('corrupt', corrupt, `of flow ${flow}`);
      clean &&= lost + duplicated + reordered + corrupt === 0;
    }
    if (!clean) await this.#describe();
    return clean;
  }

  /** What led to it, and how the sender's bus stands; of the first thing that is wrong. */
  async #describe(): Promise<void> {
    if (this.#described) return;
    this.#described = true;
    this.#tally.find(`the faults of the round: ${this.#round.join(', ')}`);
    this.#tally.find(`the sender: ${JSON.stringify(await this.#sender.call('account'))}`);
  }

  /** What was done, in figures. */
  async account(): Promise<void> {
    const { carried, repeats, errors } = await this.#receiver.call('account');
    for (const error of errors) this.#tally.find(`the receiver: ${error}`);
    for (const [via, count] of Object.entries(carried)) this.#done[`${via}Messages`] = count;
    for (const what of Object.keys(this.#done).sort()) this.#tally.measure(what, this.#done[what]);
    this.#tally.measure('framesRepeated', repeats);
  }
}
