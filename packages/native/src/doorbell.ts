import { constants } from 'node:fs';
import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { fromSystemError } from '@busbar/core/contract';
import { O_CLOEXEC, type Syscalls } from './syscalls.ts';
import { systemError } from './system-error.ts';

/** A pipe that wakes this thread's event loop. */
export interface Doorbell {
  /** The write end, for peers to open as `/proc/<pid>/fd/<descriptor>`; -1 once closed. */
  readonly descriptor: number;
  /** No `onRing` after it. Idempotent. */
  close(): void;
}

const WHERE = 'doorbell';

/** Where the pipes of this thread are drained to, a full one at once; nobody reads it. */
const SCRATCH = new Uint8Array(65_536);

/**
 * The read end stands in a socket of Node, with a fixed buffer. Round trips between two parked processes take 10-15 us
 * so, and 13-21 us over koffi's uv_poll (measured: README), which also runs no microtasks on Node 26.
 * @throws BusError RESOURCE_EXHAUSTED | TRANSPORT_FAILED
 */
export function hangDoorbell(syscalls: Syscalls, onRing: () => void): Doorbell {
  const fds = new Int32Array(2);
  const result = syscalls.pipe2(fds, constants.O_NONBLOCK | O_CLOEXEC);
  if (result < 0) throw systemError(result, 'pipe2', 'cannot create a pipe', WHERE);
  const [readEnd, writeEnd] = fds;
  try {
    return new PipeDoorbell(syscalls, watched(readEnd, onRing), writeEnd);
  } catch (error) {
    syscalls.close(readEnd);
    syscalls.close(writeEnd);
    throw fromSystemError(error, 'the event loop cannot watch the pipe', WHERE);
  }
}

/** Owns `fd` unless it throws; empties the pipe before each `onRing`; does not keep the process alive. */
function watched(fd: number, onRing: () => void): Socket {
  const callback = (): boolean => {
    onRing();
    return true;
  };
  // Node's documentation has `onread` for the constructor too, its types do not.
  const options: SocketConstructorOpts & ConnectOpts = {
    fd,
    readable: true,
    writable: false,
    onread: { buffer: SCRATCH, callback },
  };
  const socket = new Socket(options);
  socket.unref();
  return socket;
}

class PipeDoorbell implements Doorbell {
  readonly #syscalls: Syscalls;
  readonly #socket: Socket;
  #writeEnd: number;

  constructor(syscalls: Syscalls, socket: Socket, writeEnd: number) {
    this.#syscalls = syscalls;
    this.#socket = socket;
    this.#writeEnd = writeEnd;
  }

  get descriptor(): number {
    return this.#writeEnd;
  }

  close(): void {
    if (this.#writeEnd < 0) return;
    this.#syscalls.close(this.#writeEnd);
    this.#writeEnd = -1;
    this.#socket.destroy();
  }
}
