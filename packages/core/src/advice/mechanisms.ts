/** The ways to carry messages between two processes that the advice knows. */
export type Mechanism =
  | 'shm'
  | 'uds'
  | 'pipe'
  | 'stdio'
  | 'mmap'
  | 'dbus'
  | 'uring'
  | 'dma'
  | 'network'
  | 'network-log';

/**
 * `published`: there is a package to install. `planned`: Busbar will have it. `open`: nobody works on it, and the
 * contract leaves room for it.
 */
export type Status = 'published' | 'planned' | 'open';

/** What is so of a mechanism on every machine, and what it usually reaches. */
export interface MechanismFacts {
  /** The package that is it, or will be. */
  readonly package: string | undefined;
  readonly status: Status;
  /** Reaches other machines and browsers. */
  readonly remote: boolean;
  /** One channel carries messages in one direction only. */
  readonly oneWay: boolean;
  /** What a message that is handed over survives. */
  readonly durable: 'volatile' | 'process' | 'disk';
  /** The only pairs it can join; undefined: any. */
  readonly joins: 'related' | 'child' | 'desktop' | undefined;
  /** What speaks for it where no figure decides. */
  readonly gives: string;
  /** Orders of magnitude for a machine that nobody has measured; undefined where nothing is known. */
  readonly usual: UsualFigures | undefined;
}

export interface UsualFigures {
  /** The least that half of all messages take one way while both sides are awake, in us. */
  readonly latencyMicros: number;
  /** What nearly all messages take at most, in us. */
  readonly tailMicros: number;
  /** The most bytes a second. */
  readonly bytesPerSecond: number;
}

function usual(latencyMicros: number, tailMicros: number, gigabytesPerSecond: number): UsualFigures {
  return { latencyMicros, tailMicros, bytesPerSecond: gigabytesPerSecond * 1e9 };
}

const LOCAL = { remote: false, oneWay: false, durable: 'volatile', joins: undefined } as const;
const REMOTE = { ...LOCAL, package: undefined, status: 'open', remote: true } as const;

/**
 * Every mechanism, once. A package that gets published changes its line here and nothing else.
 *
 * The usual figures of shm, uds and pipe are the borders of the common decision trees: below 1 us only shared memory,
 * below 10 us a socket too; over 5 GB/s no pipe, over 10 GB/s no socket. The others are no better than guesses; for
 * uring and dma there is not even one.
 */
export const MECHANISMS: Readonly<Record<Mechanism, MechanismFacts>> = {
  uds: {
    ...LOCAL,
    package: '@busbar/transport-uds',
    status: 'published',
    gives: 'a Unix socket goes both ways, joins any two processes of a machine and needs no native code',
    usual: usual(1, 10, 10),
  },
  shm: {
    ...LOCAL,
    package: '@busbar/transport-shm',
    status: 'published',
    gives: 'shared memory joins any two processes of a machine without the kernel between them',
    usual: usual(0.1, 1, 20),
  },
  pipe: {
    ...LOCAL,
    package: '@busbar/transport-pipe',
    status: 'planned',
    oneWay: true,
    joins: 'related',
    gives: 'a pipe is inherited and needs no name',
    usual: usual(1, 10, 5),
  },
  stdio: {
    ...LOCAL,
    package: '@busbar/transport-pipe',
    status: 'planned',
    joins: 'child',
    gives: "the child's standard input and output are two pipes that are there already",
    usual: usual(1, 10, 5),
  },
  mmap: {
    ...LOCAL,
    package: '@busbar/transport-mmap',
    status: 'planned',
    durable: 'disk',
    gives: 'a mapped log keeps what was written, for readers that come later too',
    usual: usual(1, 10, 1),
  },
  dbus: {
    ...LOCAL,
    package: '@busbar/transport-dbus',
    status: 'planned',
    joins: 'desktop',
    gives: 'D-Bus is what they listen to',
    usual: usual(100, 1000, 0.1),
  },
  uring: {
    ...LOCAL,
    package: '@busbar/transport-uring',
    status: 'planned',
    gives: 'io_uring makes fewer calls into the kernel',
    usual: undefined,
  },
  dma: {
    ...LOCAL,
    package: '@busbar/transport-dma',
    status: 'planned',
    gives: 'what devices can read is handed over by reference',
    usual: undefined,
  },
  network: {
    ...REMOTE,
    gives: 'a network transport, such as TCP or WebSocket, reaches them',
    usual: usual(100, 1000, 1),
  },
  'network-log': {
    ...REMOTE,
    durable: 'disk',
    gives: 'a broker that stores, such as NATS JetStream, reaches them and keeps what was sent',
    usual: usual(1000, 10_000, 0.5),
  },
};
