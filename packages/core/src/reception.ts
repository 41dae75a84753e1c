import type { Ledger } from './acknowledged/ledger.ts';
import type { OwnServices } from './calls/own-services.ts';
import type { Requests } from './calls/requests.ts';
import { BusError, KIND, type PeerInfo } from './contract/index.ts';
import type { CreditAccount } from './credit.ts';
import type { EventDelivery } from './delivery/incoming.ts';
import type { LocalTarget } from './delivery/local-target.ts';
import type { TopicEntry } from './interest/topic-entry.ts';
import { parseHeaders } from './link/headers.ts';
import type { Answer, IncomingMessage } from './link/incoming-message.ts';
import type { Link } from './link/link.ts';
import type { OutMessage } from './link/out-message.ts';
import { RECEIVED } from './stats/channels.ts';
import type { Diagnostics } from './stats/diagnostics.ts';
import type { OpenedStreams } from './streams/opened-streams.ts';

export interface ReceptionHost {
  readonly self: PeerInfo;
  readonly diagnostics: Diagnostics;
  readonly delivery: EventDelivery;
  readonly ownServices: OwnServices;
  readonly requests: Requests;
  readonly openedStreams: OpenedStreams;
  readonly ledger: Ledger;
  readonly local: LocalTarget;
  /** Something of a peer that cannot be used. */
  rejected(error: BusError): void;
}

/** Where a whole message comes in, from a peer or the own bus, and goes on to what its kind is for. */
export class Reception {
  readonly #host: ReceptionHost;

  constructor(host: ReceptionHost) {
    this.#host = host;
  }

  /**
   * | allocates                      | blocks | syscalls | callable from    |
   * | the message handed to handlers | no     | 0        | the bus's thread |
   */
  remote(link: Link, message: IncomingMessage): void {
    if (RECEIVED.hasSubscribers) this.#host.diagnostics.received(link.peer, message);
    if (message.kind !== KIND.EVENT && message.lease !== undefined) message.copyOut();
    switch (message.kind) {
      case KIND.EVENT:
        this.#host.delivery.remote(link, message);
        return;
      case KIND.REQUEST:
        this.#host.ownServices.requested({
          link,
          from: link.peer,
          call: message.topic.entry.name,
          flow: message.flowIndex & 63,
          headers: message.headers,
          expiry: message.expiry,
          account: message.topic,
          cost: message.cost,
          messageId: message.messageId,
          codec: message.codec,
          priority: message.priority,
          buffer: message.buffer,
          start: message.start,
          end: message.end,
        });
        return;
      case KIND.REPLY:
      case KIND.ERROR:
      case KIND.PROGRESS:
      case KIND.CHUNK:
      case KIND.END:
        this.#answered(link, message);
        return;
      case KIND.RECEIPT:
      case KIND.NACK:
        this.#host.ledger.heard(link.outbound, message.topic.group, message);
        return;
      default:
        this.#host.rejected(
          new BusError('UNSUPPORTED_KIND', `kind ${message.kind} is not used by this release`, {
            where: `link to ${link.peer.name}`,
          }),
        );
    }
  }

  local(entry: TopicEntry, message: OutMessage, account: CreditAccount): void {
    if (RECEIVED.hasSubscribers) this.#host.diagnostics.receivedLocally(message);
    const { headers } = message;
    const map = headers === undefined ? undefined : parseHeaders(headers, 0, headers.length);
    if (message.kind === KIND.EVENT) {
      this.#host.delivery.local(entry, message, account, this.#host.self, map);
      return;
    }
    const { payload, start, size } = message;
    const incoming = {
      kind: message.kind,
      messageId: message.id,
      codec: message.codec,
      priority: message.priority,
      buffer: payload,
      start,
      end: start + size,
    };
    if (message.kind === KIND.RECEIPT || message.kind === KIND.NACK) {
      this.#host.ledger.heard(this.#host.local, message.topic.group, incoming);
      return;
    }
    if (message.kind !== KIND.REQUEST) {
      this.#answered(undefined, incoming);
      return;
    }
    const { cost, flow } = message;
    this.#host.ownServices.requested({
      ...incoming,
      link: undefined,
      from: this.#host.self,
      call: entry.name,
      flow,
      headers: map,
      expiry: message.expiry,
      account,
      cost,
    });
  }

  /** An answer, or a part of one, from `link` or the own bus: to a request, or of a stream that was opened here. */
  #answered(link: Link | undefined, message: Answer): void {
    if (message.kind !== KIND.REPLY && this.#host.openedStreams.arrived(link, message)) return;
    if (message.kind === KIND.PROGRESS) this.#host.requests.progressed(message);
    else if (message.kind === KIND.REPLY || message.kind === KIND.ERROR) this.#host.requests.answered(message);
  }
}
