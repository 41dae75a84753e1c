import { BroadcastChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/**
 * The way between two threads: a BroadcastChannel that only the two ends of a handshake can name, since its name holds
 * their one-time token. Blocks of frames go one way, what was copied out comes back; both are copies, so neither
 * thread ever sees memory that the other can write. It never holds its process.
 */
export type ThreadMessage = Uint8Array | Copied | typeof END;

/** Progress of the reading side, since the channel was opened. */
export interface Copied {
  readonly frames: number;
  readonly bytes: number;
}

/** The last message of either side. */
export const END = null;

export class ThreadChannel {
  readonly #channel: BroadcastChannel;

  constructor(token: string, onMessage: (message: ThreadMessage) => void) {
    this.#channel = new BroadcastChannel(`busbar-memory:${token}`);
    this.#channel.onmessage = (event) => onMessage((event as { data: ThreadMessage }).data);
    this.#channel.unref();
  }

  post(message: ThreadMessage): void {
    this.#channel.postMessage(message);
  }

  /** A message that has arrived and was not yet given to `onMessage`. */
  take(): ThreadMessage | undefined {
    // Takes a BroadcastChannel too (nodejs.org, worker_threads); the types of Node 20 do not know.
    const port = this.#channel as unknown as MessagePort;
    return (receiveMessageOnPort(port) as { message: ThreadMessage } | undefined)?.message;
  }

  close(): void {
    this.#channel.close();
  }
}
