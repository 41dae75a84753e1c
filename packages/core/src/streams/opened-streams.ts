import type { Server } from '../calls/pending-request.ts';
import { remoteError } from '../calls/remote-failure.ts';
import type { CodecTable } from '../codecs/index.ts';
import { BusError, KIND } from '../contract/index.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Outgoing, Shipment } from '../delivery/outgoing.ts';
import type { Limits } from '../limits.ts';
import type { Answer } from '../link/incoming-message.ts';
import type { Link } from '../link/link.ts';
import { CREDIT_OVERHEAD } from '../link/out-topic.ts';
import type { Counters, Outcome } from '../outcomes.ts';
import { type StandardSchema, validate } from '../standard-schema.ts';
import { ActiveStream, type OpenedStreamHost } from './opened-stream.ts';

export interface OpenedStreamsHost {
  readonly outgoing: Outgoing;
  readonly codecs: CodecTable;
  readonly deadlines: Deadlines;
  readonly limits: Limits;
  readonly counters: Counters;
  /** Tells the own bus that a stream is not wanted any more. */
  cancelled(link: undefined, correlation: number): void;
  /** Tells the own bus what the consumer of a stream it produces has taken. */
  streamCredited(link: undefined, correlation: number, taken: number): void;
  /** A promise of the application goes on in this turn. */
  awaitContinuations(): void;
  holdProcess(): void;
  releaseProcess(): void;
  violation(link: Link, error: BusError): void;
}

const NO_PAYLOAD = new Uint8Array(0);

/** The opening side of streams: everything that was opened and has not ended. */
export class OpenedStreams implements OpenedStreamHost {
  readonly #host: OpenedStreamsHost;
  readonly #open = new Map<number, ActiveStream>();
  /** The stream of the last chunk: most often the next one's, too. */
  #last: ActiveStream | undefined;

  constructor(host: OpenedStreamsHost) {
    this.#host = host;
  }

  get pending(): number {
    return this.#open.size;
  }

  /** Sends the request; the stream has until `deadlineMs` to be taken by a handler. */
  open(
    name: string,
    server: Server,
    shipment: Shipment,
    schemas: { readonly chunk: StandardSchema | undefined; readonly result: StandardSchema | undefined } | undefined,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): ActiveStream {
    const { outgoing, limits, deadlines } = this.#host;
    const stream = new ActiveStream(this, outgoing.nextId(), name, server, schemas, limits.streamWindow, signal);
    if (this.#open.size === 0) this.#host.holdProcess();
    this.#open.set(stream.id, stream);
    server.account.outstanding++;
    deadlines.add(stream, deadlineMs);
    signal?.addEventListener('abort', stream.onAbort);
    outgoing.sendTo(server.target, server.account, KIND.REQUEST, stream.id, shipment, stream);
    return stream;
  }

  /**
   * Something of a stream came from `link`, or from the own bus. False when it is of none that is open here: late.
   *
   * | allocates               | blocks | syscalls | callable from    |
   * | what decoding makes     | no     | 0        | the bus's thread |
   */
  arrived(link: Link | undefined, message: Answer): boolean {
    let stream = this.#last;
    if (stream?.id !== message.messageId) {
      stream = this.#open.get(message.messageId);
      if (stream === undefined) return false;
      this.#last = stream;
    }
    if (stream.server.link !== link) return false;
    if (stream.lane !== undefined) this.#host.deadlines.remove(stream);
    if (message.kind === KIND.CHUNK) this.#chunk(stream, message);
    else if (message.kind !== KIND.PROGRESS) this.#end(stream, message);
    return true;
  }

  #chunk(stream: ActiveStream, { codec, buffer, start, end }: Answer): void {
    const cost = end - start + CREDIT_OVERHEAD;
    const pending = stream.received - stream.taken;
    const { link } = stream.server;
    if (pending > 0 && pending + cost > stream.window && link !== undefined) {
      const error = `${pending + cost} bytes of ${stream.stream} exceed its window of ${stream.window}`;
      this.#host.violation(link, new BusError('PROTOCOL_ERROR', error, { where: `link to ${link.peer.name}` }));
      return;
    }
    stream.received += cost;
    let value: unknown;
    try {
      value = this.#host.codecs.decode(codec, buffer, start, end);
      if (stream.chunk !== undefined) value = validate(stream.chunk, value, `chunk of ${stream.stream}`);
    } catch (error) {
      this.#host.counters.invalid++;
      this.#stop(stream);
      stream.fail(error as BusError);
      return;
    }
    if (stream.give(value, cost)) this.#host.awaitContinuations();
  }

  #end(stream: ActiveStream, { kind, codec, buffer, start, end }: Answer): void {
    this.#remove(stream);
    this.#host.awaitContinuations();
    try {
      const value = this.#host.codecs.decode(codec, buffer, start, end);
      if (kind === KIND.ERROR) stream.fail(remoteError(value, stream.stream, stream.server.target.peer.name));
      else if (stream.resultSchema === undefined) stream.finish(value);
      else stream.finish(validate(stream.resultSchema, value, `result of ${stream.stream}`));
    } catch (error) {
      this.#host.counters.invalid++;
      stream.fail(error as BusError);
    }
  }

  report(stream: ActiveStream): void {
    const { link } = stream.server;
    if (link !== undefined) link.inbound.answers.reportStream(stream);
    else if (!stream.reportQueued) {
      stream.reportQueued = true;
      // In a turn of its own: producer and consumer of one bus would else never let the event loop go on.
      setImmediate(this.#reportLocal, stream);
    }
  }

  readonly #reportLocal = (stream: ActiveStream): void => {
    stream.reportQueued = false;
    stream.reported = stream.taken;
    this.#host.streamCredited(undefined, stream.id, stream.taken);
  };

  abandon(stream: ActiveStream, error: BusError): void {
    if (!this.#open.has(stream.id)) return;
    this.#stop(stream);
    stream.fail(error, error.code !== 'DEADLINE_EXCEEDED');
  }

  /** Takes back what was not sent, tells the serving side to stop otherwise. */
  #stop(stream: ActiveStream): void {
    const { message } = stream;
    this.#remove(stream);
    const unsent = message !== undefined && message.sequence === 0;
    if (message !== undefined)
      message.target.settleEarly(message, 'expired', 'aborted by the caller: the stream was cancelled');
    const { link } = stream.server;
    if (link === undefined) this.#host.cancelled(undefined, stream.id);
    else if (!unsent) link.owe(KIND.CANCEL, stream.id, NO_PAYLOAD);
  }

  requestFailed(stream: ActiveStream, outcome: Outcome, reason: string | undefined): void {
    if (!this.#open.has(stream.id)) return;
    if (outcome === 'peer-gone') this.#peerGone(stream);
    else {
      this.#remove(stream);
      stream.fail(new BusError('NO_ROUTE', reason ?? outcome, { where: `open ${stream.stream}` }));
    }
  }

  /** The link ended: nothing more comes over it. */
  linkEnded(link: Link): void {
    for (const stream of this.#open.values()) if (stream.server.link === link) this.#peerGone(stream);
  }

  #peerGone(stream: ActiveStream): void {
    this.#remove(stream);
    const outcome = stream.written ? 'unknown' : 'not-sent';
    const what = `${stream.server.target.peer.name} is gone`;
    stream.fail(
      new BusError('PEER_GONE', what, {
        where: `open ${stream.stream}`,
        outcome,
        remedy: outcome === 'unknown' ? 'it may have acted: open again only if that is harmless' : 'open again',
      }),
    );
  }

  /** The bus closes. */
  failAll(error: BusError): void {
    for (const stream of this.#open.values()) this.abandon(stream, error);
  }

  #remove(stream: ActiveStream): void {
    this.#open.delete(stream.id);
    if (this.#last === stream) this.#last = undefined;
    const { link, account } = stream.server;
    account.outstanding--;
    this.#host.deadlines.remove(stream);
    stream.signal?.removeEventListener('abort', stream.onAbort);
    link?.inbound.answers.forgetStream(stream);
    if (this.#open.size === 0) this.#host.releaseProcess();
  }
}
