import {
  type Clock,
  DONE,
  type FrameHandler,
  type PeerInfo,
  type Receiver,
  type TransportCapabilities,
} from '../contract/index.ts';
import type { InRoute } from '../link/in-route.ts';
import type { Link } from '../link/link.ts';
import type { TurnEnd } from '../link/turn-end.ts';
import { SpinBudget } from './spin-budget.ts';

/** Frames between two rounds of answers, so that credit flows while a backlog is read. */
const BATCH_FRAMES = 256;
/** Frames of one pass; then the event loop gets its turn, so a flood starves neither timers nor sockets. */
const PASS_FRAMES = 1024;
/** A spinner's event loop gets its turn after so long. */
const SLICE_MS = 0.1;
/** A look at the clock costs as much as some empty polls. */
const POLLS_PER_LOOK = 8;

/**
 * Drains every receiver, always: it never stops for a full subscription. Event-driven media call; polled media are
 * polled while they are active and the spin budget lasts, then put to sleep until they ring. A spinner polls them all the
 * time instead, and lets its event loop have a turn between.
 */
export class Dispatcher {
  readonly #clock: Clock;
  readonly #turnEnd: TurnEnd;
  readonly #linkOf: (peer: PeerInfo) => Link | undefined;
  readonly #spin: SpinBudget;
  readonly #inlets: Inlet[] = [];
  /** Of a spinner: what it polls. */
  readonly #spinning: Inlet[] | undefined;
  #sliceComes = false;

  /** `spins`: the thread is there for nothing else. */
  constructor(clock: Clock, turnEnd: TurnEnd, linkOf: (peer: PeerInfo) => Link | undefined, spins: boolean) {
    this.#clock = clock;
    this.#turnEnd = turnEnd;
    this.#linkOf = linkOf;
    this.#spin = new SpinBudget(clock);
    this.#spinning = spins ? [] : undefined;
  }

  add(transport: string, receiver: Receiver, capabilities: TransportCapabilities): void {
    const inlet = new Inlet(receiver, capabilities.wakeup === 'poll');
    inlet.handler = this.#handlerFor(transport, capabilities, inlet);
    this.#inlets.push(inlet);
    receiver.onReadable(() => this.#readable(inlet));
    if (!inlet.polled) return;
    if (this.#spinning === undefined) this.#readable(inlet);
    else {
      this.#spinning.push(inlet);
      this.#sliceAgain();
    }
  }

  #sliceAgain(): void {
    if (this.#sliceComes) return;
    this.#sliceComes = true;
    setImmediate(this.#slice);
  }

  /** Reads what is there, then no more. */
  remove(receiver: Receiver): void {
    const inlet = this.#inlets.find((one) => one.receiver === receiver);
    if (inlet === undefined) return;
    while (this.#poll(inlet) < 0);
    inlet.closed = true;
    this.#inlets.splice(this.#inlets.indexOf(inlet), 1);
    const spinning = this.#spinning?.indexOf(inlet) ?? -1;
    if (spinning >= 0) this.#spinning?.splice(spinning, 1);
  }

  /** After link loss: what that peer committed is still handed over. */
  drain(peer: PeerInfo): void {
    for (const inlet of this.#inlets) {
      inlet.receiver.drain(peer);
      this.#pass(inlet);
    }
  }

  /** Stops reading. */
  close(): void {
    for (const inlet of this.#inlets) inlet.closed = true;
    this.#inlets.length = 0;
    if (this.#spinning !== undefined) this.#spinning.length = 0;
  }

  /** One slice of a spinner's time. It ends early when a promise is to go on before anything more can be sent. */
  readonly #slice = (): void => {
    this.#sliceComes = false;
    const inlets = this.#spinning as Inlet[];
    if (inlets.length === 0) return;
    const end = this.#clock.now() + SLICE_MS;
    do {
      for (let polls = 0; polls < POLLS_PER_LOOK; polls++) for (const inlet of inlets) this.#poll(inlet);
    } while (!this.#turnEnd.scheduled && this.#clock.now() < end);
    this.#sliceAgain();
  };

  #readable(inlet: Inlet): void {
    // Time asleep is not time spun.
    if (inlet.polled && !inlet.scheduled) {
      inlet.polledAt = this.#clock.now();
      inlet.woken = true;
    }
    this.#pass(inlet);
    inlet.woken = false;
  }

  #handlerFor(transport: string, capabilities: TransportCapabilities, inlet: Inlet): FrameHandler {
    let lastPeer: PeerInfo | undefined;
    let lastLink: Link | undefined;
    let lastRoute: InRoute | undefined;
    return (frame, offset, length, from) => {
      if (from !== lastPeer || lastLink === undefined || lastLink.ended) {
        lastPeer = from;
        lastLink = from === undefined ? undefined : this.#linkOf(from);
        lastRoute = lastLink?.inbound.over(transport, capabilities, inlet);
      }
      if (lastRoute !== undefined) lastLink?.inbound.frame(frame, offset, length, lastRoute);
      return DONE;
    };
  }

  /** Hands over what there is, up to the frames of one pass; how many, negative when there is more. */
  #poll(inlet: Inlet): number {
    if (inlet.closed || inlet.polling) return 0;
    inlet.polling = true;
    this.#turnEnd.beginPass();
    let total = 0;
    let handed: number;
    do {
      handed = inlet.receiver.poll(inlet.handler, BATCH_FRAMES);
      total += handed;
      if (handed === BATCH_FRAMES) this.#turnEnd.run();
    } while (handed === BATCH_FRAMES && total < PASS_FRAMES);
    inlet.polling = false;
    this.#turnEnd.endPass();
    return handed === BATCH_FRAMES ? -total : total;
  }

  #pass(inlet: Inlet): void {
    if (inlet.closed || inlet.scheduled || inlet.polling) return;
    const handed = this.#poll(inlet);
    // Its next slice comes by itself.
    if (inlet.polled && this.#spinning !== undefined) return;
    if (handed < 0 || (inlet.polled && this.#pollAgain(inlet, handed))) {
      inlet.scheduled = true;
      // Ref'd: an unref'd immediate does not keep the loop from blocking in epoll.
      setImmediate(inlet.resume, this, inlet);
    }
  }

  #pollAgain(inlet: Inlet, handed: number): boolean {
    const now = this.#clock.now();
    if (handed > 0) this.#waitEnds(inlet);
    else inlet.waited += now - inlet.polledAt;
    inlet.polledAt = now;
    if (this.#spin.allows(inlet.waited) || !inlet.receiver.prepareToSleep()) return true;
    this.#waitEnds(inlet);
    return false;
  }

  #waitEnds(inlet: Inlet): void {
    this.#spin.waited(inlet.waited);
    inlet.waited = 0;
  }

  /** For `Inlet.resume`. */
  continue(inlet: Inlet): void {
    inlet.scheduled = false;
    this.#pass(inlet);
  }
}

/** One receiver and its state in the dispatcher. */
class Inlet {
  readonly receiver: Receiver;
  handler!: FrameHandler;
  readonly polled: boolean;
  polling = false;
  scheduled = false;
  closed = false;
  /** When the last poll ended, and how long it has been polled in vain; ms. */
  polledAt = 0;
  waited = 0;

  /** It slept, and what it hands over now has woken it. */
  woken = false;

  constructor(receiver: Receiver, polled: boolean) {
    this.receiver = receiver;
    this.polled = polled;
  }

  readonly resume = (dispatcher: Dispatcher, inlet: Inlet): void => dispatcher.continue(inlet);
}
