import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { PeerInfo } from '@busbar/core/contract';
import { connectHandover, type Handover, type HandoverPoint, isOutOfReach, openHandoverPoint } from '@busbar/native';

/** Whether `error` says that /proc hides the descriptors of `peer`, or has no place for it: it has no pid here. */
export function isHidden(peer: PeerInfo, error: unknown): boolean {
  return peer.pid === 0 || isOutOfReach(error);
}

/** Where one peer is expected, for the descriptors of one ring. */
export interface Meeting {
  readonly peer: PeerInfo;
  /** The peer's number for the ring. */
  readonly ring: number;
  readonly key: number;
  readonly point: HandoverPoint;
}

/** The sockets at which this participant expects peers that cannot reach its descriptors, or it not theirs. */
export class Meetings {
  readonly #directory: string;
  readonly #own: string;
  readonly #open = new Set<Meeting>();

  /** `directory`: the bus's folder; `own`: the id of this participant. */
  constructor(directory: string, own: string) {
    this.#directory = directory;
    this.#own = own;
  }

  /** Expects `peer`, which is told the key. @throws BusError PATH_TOO_LONG | RESOURCE_EXHAUSTED | TRANSPORT_FAILED */
  expect(peer: PeerInfo, ring: number): Meeting {
    const key = randomInt(2 ** 31);
    const meeting = { peer, ring, key, point: openHandoverPoint(this.#path(this.#own, key)) };
    this.#open.add(meeting);
    return meeting;
  }

  /**
   * Goes where `owner` expects us.
   * @throws BusError PATH_TOO_LONG | PROTOCOL_ERROR | RESOURCE_EXHAUSTED | TRANSPORT_FAILED
   */
  join(owner: PeerInfo, key: number): Handover {
    return connectHandover(this.#path(owner.id, key), owner.pid);
  }

  /** The owner's id is in the name: should it be killed meanwhile, the file goes with all else that bears it. */
  #path(owner: string, key: number): string {
    return join(this.#directory, `${owner}.${key.toString(16)}.fds`);
  }

  find(peer: PeerInfo, ring: number): Meeting | undefined {
    for (const meeting of this.#open) if (meeting.ring === ring && meeting.peer.id === peer.id) return meeting;
    return undefined;
  }

  countOf(peer: PeerInfo): number {
    let count = 0;
    for (const meeting of this.#open) if (meeting.peer.id === peer.id) count++;
    return count;
  }

  end(meeting: Meeting): void {
    this.#open.delete(meeting);
    meeting.point.close();
  }

  /** Nobody comes any more, or `peer` does not. */
  cancel(peer?: PeerInfo): void {
    for (const meeting of this.#open) if (peer === undefined || meeting.peer.id === peer.id) this.end(meeting);
  }
}
