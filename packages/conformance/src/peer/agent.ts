import {
  OK,
  type PeerInfo,
  type PeerTransport,
  type Receiver,
  resultName,
  type TransportPlugin,
} from '@busbar/core/contract';
import { createStand, type Stand } from '../control/context.ts';
import { type Stream, senderNumber } from './content.ts';
import { Inbox } from './inbox.ts';
import { Journal } from './journal.ts';
import { type Closing, Outlet, type SendReport } from './outlet.ts';
import type { StreamReport } from './stream-check.ts';

/** Silence after which a dead peer's frames are taken to have all come. */
const SETTLE_MS = 100;

/** One participant under test: a transport instance, its inbox, its senders. The harness calls it by name. */
export class Agent {
  readonly stand: Stand;
  readonly #plugin: TransportPlugin;
  readonly #outlets = new Map<string, Outlet>();
  /** The next sequence of each stream to each peer: streams go on over a new sender. */
  readonly #sequences = new Map<string, Map<number, number>>();
  transport!: PeerTransport;
  receiver!: Receiver;
  inbox!: Inbox;

  constructor(
    plugin: TransportPlugin,
    self: PeerInfo,
    directory: string,
    post: (to: string, message: Uint8Array) => void,
  ) {
    this.#plugin = plugin;
    const { maxFrameLength } = plugin.capabilities;
    this.stand = createStand({ self, directory, post, limits: { maxFrameLength } });
  }

  /** Creates the transport and listens; returns the address. */
  async open(): Promise<string> {
    this.transport = (await this.#plugin.create(this.stand.context)) as PeerTransport;
    this.receiver = await this.transport.listen();
    this.inbox = new Inbox(this.receiver, this.#plugin.capabilities.peerIdentity !== 'none');
    return this.receiver.address;
  }

  /** Closes the sender; the link stays. */
  async disconnect(to: string): Promise<void> {
    await this.outlet(to).sender.close();
    this.#outlets.delete(to);
  }

  /** How the medium's own end was told: after at most `ms`, or undefined. */
  closed(to: string, ms: number): Promise<Closing | undefined> {
    return this.outlet(to).untilClosed(ms);
  }

  /** A sender to a linked participant; replaces an earlier one. */
  async connect(to: string, address: string): Promise<void> {
    const sender = await this.transport.connect(address, this.#peer(to));
    const sequences = this.#sequences.get(to) ?? new Map<number, number>();
    this.#sequences.set(to, sequences);
    this.#outlets.set(to, new Outlet(sender, senderNumber(this.stand.context.self.id), sequences));
  }

  /** Announces a stream; with a journal, what arrives of it is written down. */
  expect(from: string, stream: Stream, journalPath?: string): void {
    this.inbox.expect(this.#peer(from), stream, journalPath);
  }

  async send(to: string, stream: Stream, count: number, journalPath?: string): Promise<SendReport> {
    if (journalPath === undefined) return await this.outlet(to).send(stream, count);
    const journal = new Journal(journalPath);
    try {
      return await this.outlet(to).send(stream, count, journal);
    } finally {
      journal.close();
    }
  }

  fill(to: string, stream: Stream, atMost: number): Promise<SendReport> {
    return this.outlet(to).fill(stream, atMost);
  }

  /** The answer to a claim of `bytes`, by name; a claim that succeeds is given back. */
  tryClaim(to: string, bytes: number): string {
    const { sender } = this.outlet(to);
    const result = sender.tryClaim(bytes);
    if (result === OK) sender.abort();
    return resultName(result);
  }

  insist(to: string, stream: Stream, times: number): Promise<number> {
    return this.outlet(to).insist(stream, times);
  }

  armWritable(to: string): void {
    this.outlet(to).armWritable();
  }

  untilWritable(to: string, ms: number): Promise<void> {
    return this.outlet(to).untilWritable(ms);
  }

  writableCalls(to: string): number {
    return this.outlet(to).writableCalls;
  }

  stopSending(to: string): void {
    this.outlet(to).stop();
  }

  /** Waits until `count` different frames of the stream arrived, or none came for `quietMs`. */
  async received(from: string, stream: number, count: number, quietMs: number): Promise<StreamReport> {
    const check = this.inbox.check(from, stream);
    await this.inbox.until(() => check.arrived >= count, quietMs);
    return this.report(from, stream);
  }

  /** What arrived once frames have ceased to come: for a peer that is gone, whose last frame nobody announces. */
  async settled(from: string, stream: number): Promise<StreamReport> {
    await this.inbox.until(() => false, SETTLE_MS);
    return this.report(from, stream);
  }

  report(from: string, stream: number): StreamReport {
    const report = this.inbox.check(from, stream).report();
    // Frames nobody announced count against every stream that ran meanwhile.
    return {
      ...report,
      corrupt: report.corrupt + this.inbox.strangers,
      notes: [...report.notes, ...this.inbox.notes],
    };
  }

  pause(): void {
    this.inbox.pause();
  }

  resume(): void {
    this.inbox.resume();
  }

  async close(): Promise<void> {
    this.inbox.stop();
    await this.transport.close();
  }

  /** News of the link's end, in the order a bus gives it: first what the peer had committed, then the loss. */
  lose(id: string, dead: boolean): void {
    this.stand.control.lose(id, dead, (peer) => this.receiver.drain(peer));
    this.inbox.resume();
  }

  outlet(to: string): Outlet {
    const outlet = this.#outlets.get(to);
    if (outlet === undefined) throw new Error(`not connected to ${to}`);
    return outlet;
  }

  #peer(id: string): PeerInfo {
    const peer = this.stand.control.peers.get(id);
    if (peer === undefined) throw new Error(`not linked with ${id}`);
    return peer;
  }
}
