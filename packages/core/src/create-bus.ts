import { randomBytes } from 'node:crypto';
import { Bus } from './bus.ts';
import { systemClock } from './clock.ts';
import { CodecTable } from './codecs/index.ts';
import {
  BusError,
  CONTRACT_VERSION,
  KIND,
  type Logger,
  MAX_HEADER_BYTES,
  type PeerInfo,
  shown,
} from './contract/index.ts';
import { ControlPlane } from './control/control-plane.ts';
import { claimName } from './control/exclusive-name.ts';
import { isName } from './control/hello.ts';
import { loadNative } from './control/native.ts';
import { ownProcess } from './control/process-identity.ts';
import { type ParticipantRecord, Records } from './control/records.ts';
import { defaultDirectory, prepareDirectory } from './control/runtime-directory.ts';
import { busSecret } from './control/secret.ts';
import { Engine } from './engine.ts';
import { read } from './hot-plug.ts';
import { resolveLimits } from './limits.ts';
import type { BusOptions } from './options.ts';
import { ProcessHold } from './process-hold.ts';
import { resolvePolicy } from './selector/resolve-policy.ts';
import { closeOnSignals } from './signals.ts';
import { type TransportControlHost, TransportSet } from './transports.ts';

/** `createBus` waits at most so long for those it found; a stopped participant must not hold up the rest. */
const JOIN_MS = 1000;

/** Says nothing below a warning, and warnings on stderr. */
const quietLogger: Logger = {
  debug() {},
  info() {},
  warn: (message, details) => console.warn(`busbar: ${message}`, details ?? ''),
  error: (message, details) => console.error(`busbar: ${message}`, details ?? ''),
};

/**
 * Joins a bus: opens the transports, finds the participants that are there, and resolves when they have answered or
 * after a second. `await using bus = await createBus({ name: 'planner', plugins: [uds()] })`.
 *
 * @throws BusError INVALID_OPTION | INVALID_NAME | VERSION_MISMATCH | DUPLICATE_TRANSPORT | RUNTIME_DIR_UNSAFE |
 * PATH_TOO_LONG | NAME_TAKEN | NEEDS_NATIVE | RESOURCE_EXHAUSTED
 */
export async function createBus(options: BusOptions = {}): Promise<Bus> {
  const name = options.name ?? `pid-${process.pid}`;
  const busName = options.bus ?? 'default';
  assertName(name, 'name');
  assertName(busName, 'bus');
  const limits = resolveLimits(options.limits);
  const plugins = options.plugins ?? [];
  TransportSet.check(plugins);
  if (options.spin !== undefined && typeof options.spin !== 'boolean') {
    throw new BusError('INVALID_OPTION', `spin ${shown(options.spin)} is neither true nor false`, {
      where: 'createBus',
      remedy: 'true for a thread that is there for nothing else, or leave it out',
    });
  }
  const codecs = new CodecTable(options.codec);
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? quietLogger;

  const folder = prepareDirectory(options.directory ?? defaultDirectory(), busName);
  const secret = busSecret(folder);
  const native = await loadNative();

  const identity = ownProcess();
  const self: PeerInfo = {
    id: randomBytes(8).toString('hex'),
    name,
    pid: process.pid,
    uid: process.getuid?.(),
    verified: true,
  };
  const records = new Records(folder);
  let record: ParticipantRecord | undefined;
  const transports = new TransportSet();
  const abort = new AbortController();
  const lock = options.exclusive === true ? claimName(folder, name, native) : undefined;
  const hold = new ProcessHold();
  const engine = new Engine(
    {
      self,
      process: identity,
      clock,
      logger,
      limits,
      policy: resolvePolicy(options.policy),
      codecs,
      records,
      transports,
      deadLetters: options.deadLetters,
      spins: options.spin === true,
    },
    hold,
  );
  const { membership } = engine;
  const plane = new ControlPlane(
    {
      id: self.id,
      bus: busName,
      secret,
      clock,
      logger,
      maxInterest: limits.subscriptionsPerPeer,
      native,
      hello: (session, resume) => ({
        contract: CONTRACT_VERSION,
        bus: busName,
        secret,
        id: self.id,
        name,
        process: identity,
        session,
        ...(resume === undefined ? {} : { resume }),
        patterns: engine.announced.patterns,
        groups: engine.announced.groups,
        services: engine.announced.services,
        transports: transports.offers(),
      }),
      admit: (hello) => membership.admit(hello),
      greeted: (greeting) => membership.greeted(greeting),
      rejected: (error) => engine.rejected(error),
    },
    folder,
  );
  let stopSignals: (() => void) | undefined;
  const shutdown = async (): Promise<void> => {
    stopSignals?.();
    abort.abort();
    if (record !== undefined) records.remove(record);
    plane.close();
    await transports.close();
    lock?.release();
    hold.end();
  };

  try {
    hold.acquire();
    await plane.listen();
    await transports.start(
      plugins,
      {
        self,
        directory: folder,
        clock,
        logger,
        metrics: engine.counters,
        signal: abort.signal,
        limits: { maxFrameLength: limits.maxMessageBytes + MAX_HEADER_BYTES, unwrittenBytes: limits.unwrittenBytes },
      },
      transportControl(engine),
    );
    for (const inUse of transports.installed) read(engine, inUse);
    record = { id: self.id, since: Math.round(systemClock.now() * 1000) };
    records.write(record, { name, pid: process.pid });
    await Promise.race([
      membership.join(plane, record),
      new Promise<void>((resolve) => clock.setTimer(resolve, JOIN_MS)),
    ]);
  } catch (error) {
    membership.stopAdmitting();
    await shutdown();
    throw error;
  }
  const bus = new Bus(engine, shutdown);
  if (options.closeOnSignals !== undefined && options.closeOnSignals !== false) {
    const signals = options.closeOnSignals === true ? (['SIGINT', 'SIGTERM'] as const) : options.closeOnSignals;
    stopSignals = closeOnSignals(signals, () => bus.close());
  }
  hold.release();
  return bus;
}

/** What transports say to their peers' instances, and of their peers to the bus, goes over the control plane. */
function transportControl(engine: Engine): TransportControlHost {
  const { membership } = engine;
  return {
    send(peer, transport, message) {
      const connection = membership.member(peer.id)?.connection;
      connection?.send(KIND.ATTACH, 0, message, transport);
      return connection !== undefined;
    },
    violation(peer, error) {
      const link = membership.linkOf(peer);
      const located = new BusError(error.code, error.what, { where: `data from ${peer.name}`, remedy: error.remedy });
      if (link === undefined) engine.rejected(located);
      else membership.cut(link, located);
    },
  };
}

function assertName(value: unknown, option: string): void {
  if (isName(value)) return;
  throw new BusError('INVALID_NAME', `${shown(value)} is not a name`, {
    where: `createBus({ ${option} })`,
    remedy: 'use 1 to 64 letters, digits, _ and -',
  });
}
