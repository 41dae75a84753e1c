import { isBusError, type Message, NOT_CONNECTED, OK, OUTCOMES, type Subscription } from '@busbar/core';
import { unsettled } from '../../packages/core/src/closing.ts';
import { flowHash } from '../../packages/core/src/interest/topic-entry.ts';
import type { Fabric, Lane } from '../../packages/core/test/support/fabric.ts';
import { Mesh } from '../../packages/core/test/support/mesh.ts';
import { type Participant, turn } from '../../packages/core/test/support/pair.ts';
import { Calls } from './calls.ts';
import { type Actor, contentOf, type Finding, Ledger, type Sent, type Taker } from './ledger.ts';
import { bySize, mediaOf } from './media.ts';
import { MOST_BUSES, type Plan, type Publish, type Step, type Subscribe, WINDOW_BYTES } from './plan.ts';
import { checkPromises } from './promises.ts';
import { Work } from './work.ts';

/** ms of the clock that a bus may take to close. */
const CLOSE_MS = 200;
/** Rounds of 50 ms in which nothing may happen any more before a world counts as at rest, and as stuck. */
const QUIET_ROUNDS = 4;
const MOST_ROUNDS = 1000;
const ACK_TIMEOUT_MS = 2000;

/** With what it costs beside its payload it takes all the credit of its topic. */
const FILLING: Omit<Publish, 'topic'> = {
  do: 'publish',
  bus: 0,
  count: 1,
  key: undefined,
  priority: 'normal',
  reliability: 'reliable',
  bytes: WINDOW_BYTES - 64,
  ttl: undefined,
  deadline: undefined,
  onFull: 'wait',
  bare: false,
};

interface Member extends Actor {
  readonly participant: Participant;
}

/** Participants on media that move when a step says so; keeps a ledger of all that is sent and taken. */
export class World {
  readonly ledger = new Ledger();
  readonly #plan: Plan;
  readonly #fabrics: readonly Fabric[];
  readonly #members: Member[] = [];
  readonly #calls = new Calls(this.ledger, () => this.#pause());
  readonly #open: { readonly taker: Taker; readonly subscription: Subscription }[] = [];
  /** Handlers at work, until a step lets them end. */
  readonly #running: (() => void)[] = [];
  /** Promises that have not settled, by what they are about. */
  readonly #pending = new Map<Promise<unknown>, string>();
  #mesh!: Mesh;

  private constructor(plan: Plan, fabrics: readonly Fabric[]) {
    this.#plan = plan;
    this.#fabrics = fabrics;
  }

  static async create(plan: Plan): Promise<World> {
    const { fabrics, plugins } = mediaOf(plan.media);
    const world = new World(plan, fabrics);
    const limits = { topicCredit: WINDOW_BYTES, linkCredit: 4 * WINDOW_BYTES, streamWindow: 2048, deadlineMs: 2 ** 30 };
    world.#mesh = await Mesh.create(plan.buses, fabrics, { limits, policy: bySize, plugins });
    for (const participant of world.#mesh.members) world.#enter(participant);
    return world;
  }

  #enter(participant: Participant): void {
    const { id, name } = participant.engine.self;
    const member: Member = { id, name, life: 'alive', participant };
    this.#members.push(member);
    // Its greeting tells it of all subscriptions there are.
    for (const taker of this.ledger.takers) if (!taker.closed) this.ledger.ready(taker, [member]);
  }

  /** Frames that came twice, gaps, and deliveries that a death ended: what chaos did to this world. */
  get disturbances(): number {
    return this.#members.reduce((sum, { participant: { bus } }) => {
      const { duplicates, gaps, outcomes } = bus.counters;
      return sum + duplicates + gaps + outcomes['peer-gone'];
    }, 0);
  }

  /** Lives through its plan, comes to rest, and tells what did not hold. */
  async live(): Promise<readonly Finding[]> {
    try {
      for (const step of this.#plan.steps) await this.#do(step);
      await this.#rest();
      await this.#fillWindows();
      return this.#check();
    } finally {
      await this.#mesh.close();
    }
  }

  async #do(step: Step): Promise<void> {
    if ('bus' in step) {
      const member = this.#members[step.bus % this.#members.length];
      if (member.life === 'alive') await this.#at(member, step);
      return;
    }
    switch (step.do) {
      case 'join':
        if (this.#members.length < MOST_BUSES) this.#enter(await this.#mesh.join());
        return;
      case 'unsubscribe':
        this.#unsubscribe(step.which);
        return;
      case 'finish':
        for (const finish of this.#running.splice(0, step.count)) finish();
        return;
      case 'wait':
        await turn();
        await this.#mesh.clock.advance(step.ms);
        return;
      case 'turn':
        await turn();
        return;
      case 'hold control':
        this.#mesh.control.hold();
        return;
      case 'pass control':
        this.#mesh.control.pass();
        return;
      case 'admit':
        this.#fabrics[step.which % this.#fabrics.length].closed = !step.flag;
        return;
      default:
        this.#disturb(step);
    }
  }

  #disturb(step: Extract<Step, { which: number }>): void {
    const lanes = this.#lanes;
    if (step.do === 'lose') {
      const lossy = lanes.filter(({ isLossless }) => !isLossless);
      if (lossy.length > 0) lossy[step.which % lossy.length].lose();
      return;
    }
    if (lanes.length === 0) return;
    const lane = lanes[step.which % lanes.length];
    if (step.do === 'move') lane.deliver(step.count);
    else if (step.do === 'jam') lane.jammed = true;
    else if (step.do === 'unjam') lane.unjam();
    else if (step.do === 'tear') lane.breaksAtCommit = true;
    else if (step.do === 'break') lane.break(step.flag);
  }

  async #at(member: Member, step: Extract<Step, { bus: number }>): Promise<void> {
    const { participant } = member;
    const { bus } = participant;
    switch (step.do) {
      case 'publish':
        for (let i = 0; i < step.count; i++) this.#publish(member, step);
        return;
      case 'subscribe':
        this.#subscribe(member, step);
        return;
      case 'serve':
        this.#calls.serve(member, bus, step.call);
        return;
      case 'unserve':
        this.#calls.unserve(member, step.call);
        return;
      case 'request':
      case 'open':
        this.#follow(`${step.do} of ${member.name}`, this.#calls[step.do](member, bus, step.call));
        return;
      case 'close':
        this.#leave(member, 'closed');
        this.#follow(`close of ${member.name}`, this.#mesh.leave(participant, CLOSE_MS));
        return;
      case 'kill':
        this.#leave(member, 'killed');
        await this.#mesh.kill(participant);
    }
  }

  #leave(member: Member, life: 'closed' | 'killed'): void {
    member.life = life;
    if (life === 'closed') this.ledger.hasLeft = true;
  }

  #subscribe(actor: Member, { pattern, group, takes }: Subscribe): void {
    const bornAt = this.ledger.sent.length;
    const taker: Taker = { actor, pattern, group, bornAt, knownTo: new Map([[actor, bornAt]]), closed: false };
    this.ledger.takers.push(taker);
    const { bus } = actor.participant;
    const work = new Work(takes);
    const options = { group, ...(takes === 'two at once' && { concurrency: 2 }) };
    const subscription =
      takes === 'by iterator'
        ? bus.subscribe(pattern, options)
        : bus.subscribe(pattern, (message) => this.#take(taker, message, work), options);
    this.#open.push({ taker, subscription });
    this.#follow(
      `ready of ${pattern}`,
      subscription.ready.then(() => this.ledger.ready(taker, this.#members)),
    );
    if (takes === 'by iterator') void this.#read(taker, subscription, work);
  }

  async #read(taker: Taker, messages: AsyncIterable<Message>, work: Work): Promise<void> {
    for await (const message of messages) await this.#take(taker, message, work);
  }

  #take(taker: Taker, message: Message, work: Work): Promise<void> | undefined {
    const { data, priority, redelivered } = message;
    const taken = this.ledger.take(taker, data as Uint8Array, message, this.#mesh.clock.now());
    if (taken === undefined) return undefined;
    const { sent } = taken;
    if (sent.reliability === 'acknowledged' && sent.number % 5 === 0 && !redelivered) {
      taken.refused = true;
      message.nack({ retryIn: sent.number % 20 });
    }
    if (priority !== sent.priority) this.ledger.find('corrupt', `the priority of ${sent.number}`);
    const finish = work.begin(sent, this.ledger);
    if (sent.number % 3 === 0) {
      finish();
      return undefined;
    }
    return this.#pause().then(finish);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#running.push(resolve));
  }

  #unsubscribe(which: number): void {
    if (this.#open.length === 0) return;
    const [{ taker, subscription }] = this.#open.splice(which % this.#open.length, 1);
    taker.closed = true;
    if (taker.group !== undefined) this.ledger.hasLeft = true;
    subscription.close();
  }

  #publish(from: Member, step: Publish): void {
    const { topic, key, priority, reliability, bytes, ttl, deadline, onFull, bare } = step;
    const number = this.ledger.sent.length;
    const orderKey = key === undefined ? undefined : this.#orderKey(topic, key);
    const expiresAt = ttl === undefined ? Number.POSITIVE_INFINITY : this.#mesh.clock.now() + ttl;
    const sent: Sent = {
      number,
      from,
      topic,
      orderKey,
      priority,
      reliability,
      bytes,
      ttl,
      expiresAt,
      bare,
      onFull,
      hasDeadline: deadline !== undefined,
      result: 'open',
      deliveries: undefined,
    };
    this.ledger.sent.push(sent);
    const { bus } = from.participant;
    const qos = {
      priority,
      reliability,
      ...(orderKey && { orderKey }),
      ...(ttl && { ttl }),
      ...(reliability === 'acknowledged' && { ackTimeout: ACK_TIMEOUT_MS }),
    };
    const content = contentOf(number, bytes);
    if (bare) {
      const publisher = bus.publisher<Uint8Array>(topic, { ...qos, onFull: onFull === 'wait' ? 'error' : onFull });
      const result = publisher.send(content);
      sent.result = result === OK ? 'ok' : result === NOT_CONNECTED ? 'NO_RESPONDERS' : 'BACK_PRESSURED';
      return;
    }
    const call = bus.publish(topic, content, { ...qos, onFull, ...(deadline && { deadline }) }).then(
      ({ deliveries }) => this.#settled(sent, 'ok', deliveries),
      (error: unknown) => {
        if (!isBusError(error)) throw error;
        this.#settled(sent, error.code, (error.data as Pick<Sent, 'deliveries'> | undefined)?.deliveries);
      },
    );
    this.#follow(`publish ${number}`, call);
  }

  #settled(sent: Sent, result: string, deliveries: Sent['deliveries']): void {
    sent.result = result;
    sent.deliveries = deliveries;
  }

  /** In a crowded world the keys of a topic are found to have one flow. */
  #orderKey(topic: string, key: number): string {
    if (!this.#plan.crowded) return `key-${key}`;
    for (let i = 0, found = 0; ; i++) if (flowHash(topic, `key-${i}`) === 7 && found++ === key) return `key-${i}`;
  }

  #follow(what: string, promise: Promise<unknown>): void {
    this.#pending.set(promise, what);
    promise
      .catch((error: unknown) => this.ledger.find('wrong', `${what}: ${String(error)}`))
      .finally(() => this.#pending.delete(promise));
  }

  get #lanes(): Lane[] {
    return this.#fabrics.flatMap(({ lanes }) => [...lanes]);
  }

  /** No more disturbances: everything that can happen happens. */
  async #rest(): Promise<void> {
    this.#mesh.control.pass();
    for (const fabric of this.#fabrics) fabric.closed = false;
    for (let quiet = 0, rounds = 0; quiet < QUIET_ROUNDS && rounds < MOST_ROUNDS; rounds++) {
      const isBusy =
        this.#pending.size > 0 ||
        this.#running.length > 0 ||
        this.#lanes.some(({ flying }) => flying > 0) ||
        this.#members.some(({ participant }) => unsettled(participant.engine) > 0);
      quiet = isBusy ? 0 : quiet + 1;
      for (const lane of this.#lanes) {
        lane.breaksAtCommit = false;
        lane.unjam();
        lane.deliver(1000);
      }
      for (const finish of this.#running.splice(0)) finish();
      // What is taken now is taken before the clock moves on.
      await turn();
      await this.#mesh.clock.advance(50);
      await turn();
    }
  }

  /** All credit is back: a message of a whole window passes to everybody, from everybody. */
  async #fillWindows(): Promise<void> {
    for (const topic of ['t.a', 't.b', 'u.a']) {
      for (const member of this.#members) {
        if (member.life !== 'alive') continue;
        this.#publish(member, {
          ...FILLING,
          topic,
        });
        await this.#rest();
      }
    }
  }

  /** What does not hold at rest. */
  #check(): readonly Finding[] {
    const { ledger } = this;
    checkPromises(ledger);
    this.#calls.check(this.#members.every(({ life }) => life === 'alive'));
    for (const what of this.#pending.values()) ledger.find('hung', what);
    for (const { name, life, participant } of this.#members) {
      const { targets, outcomes, invalid } = participant.bus.counters;
      const sum = OUTCOMES.reduce((all, outcome) => all + outcomes[outcome], 0);
      if (sum !== targets) ledger.find('wrong', `${name} has ${targets} targets and ${sum} outcomes`);
      if (invalid > 0) ledger.find('corrupt', `${invalid} messages at ${name}`);
      if (participant.engine.local.queued > 0) ledger.find('hung', `messages of ${name} to itself`);
      for (const { link } of participant.engine.membership.members)
        if (link.queued.messages > 0) ledger.find('hung', `messages of ${name} to ${link.peer.name}`);
      for (const error of participant.errors)
        if (life === 'alive' && !error.includes('killed by the test')) ledger.find('wrong', `${name}: ${error}`);
    }
    return ledger.findings;
  }
}
