import type { Bus } from '../bus.ts';
import { BusError, OK } from '../contract/index.ts';
import { Histogram } from '../stats/histogram.ts';
import type { MeasuredLatency, MeasuredThroughput } from './calibration.ts';

const PING = 'calibration.ping';
const PONG = 'calibration.pong';
const BULK = 'calibration.bulk';

const SMALL_BYTES = 64;
const LARGE_BYTES = [65_536, 1_048_576];
/** Of the time of a transport, for its latency; the rest is for throughput. */
const LATENCY_SHARE = 0.4;
/** Long enough for a dozen of the large messages, short enough that some slices find the cores free. */
const SLICE_MS = 25;

/** Answers pings and takes bulk over `via`. Resolves when those who are connected know. */
export async function serveMeasurement(bus: Bus, via: string): Promise<void> {
  const pong = bus.publisher(PONG, { via });
  const answering = bus.subscribe<Uint8Array>(PING, ({ data }) => void pong.send(data));
  const taking = bus.subscribe(BULK, () => {});
  await Promise.all([answering.ready, taking.ready]);
}

/**
 * Sends one message over `via`, which opens it. A route that fails is tried again and again, so patience is in ms.
 * @throws BusError what a publish over `via` rejects with; NO_ROUTE with what is wrong with the route
 */
export async function openRoute(bus: Bus, via: string, patience: number): Promise<void> {
  try {
    await bus.publish(BULK, new Uint8Array(SMALL_BYTES), { via, deadline: patience });
  } catch (cause) {
    const routes = bus.stats().peers.flatMap((peer) => peer.routes);
    const trouble = routes.find(({ transport }) => transport === via)?.trouble;
    if (trouble === undefined) throw cause;
    throw new BusError('NO_ROUTE', `it does not connect: ${trouble}`, { where: via, cause });
  }
}

/**
 * One way in ns, over `milliseconds`: a message goes to and fro, again and again, so that both sides stay awake.
 */
async function measureLatency(bus: Bus, via: string, milliseconds: number): Promise<MeasuredLatency> {
  const payload = new Uint8Array(SMALL_BYTES);
  let answered = (): void => {};
  const answers = bus.subscribe(PONG, () => answered());
  await answers.ready;
  const ping = bus.publisher<Uint8Array>(PING, { via });
  const times = new Histogram();
  await new Promise<void>((resolve) => {
    const end = performance.now() + milliseconds;
    let sentAt = performance.now();
    answered = () => {
      const now = performance.now();
      times.record((now - sentAt) * 5e5);
      if (now >= end) resolve();
      else {
        sentAt = now;
        ping.send(payload);
      }
    };
    ping.send(payload);
  });
  answers.close();
  return { p50Nanos: times.percentile(0.5), p99Nanos: times.percentile(0.99), samples: times.count };
}

/** The best slice of each payload size, one way; sizes that the transport does not carry are left out. `milliseconds` in all. */
async function measureThroughput(
  bus: Bus,
  via: string,
  maxBytes: number,
  milliseconds: number,
): Promise<MeasuredThroughput[]> {
  const sizes = LARGE_BYTES.filter((bytes) => bytes <= maxBytes);
  const figures: MeasuredThroughput[] = [];
  for (const payloadBytes of sizes) {
    const end = performance.now() + milliseconds / sizes.length;
    let bytesPerSecond = 0;
    do bytesPerSecond = Math.max(bytesPerSecond, await rate(bus, via, payloadBytes));
    while (performance.now() < end);
    figures.push({ payloadBytes, bytesPerSecond });
  }
  return figures;
}

/** Both, `milliseconds` in all. */
export async function measureBoth(
  bus: Bus,
  via: string,
  maxBytes: number,
  milliseconds: number,
): Promise<{ readonly latency: MeasuredLatency; readonly throughput: readonly MeasuredThroughput[] }> {
  const latency = await measureLatency(bus, via, milliseconds * LATENCY_SHARE);
  const throughput = await measureThroughput(bus, via, maxBytes, milliseconds * (1 - LATENCY_SHARE));
  return { latency, throughput };
}

/** Bytes a second over one slice, from the first send until the last is confirmed. */
async function rate(bus: Bus, via: string, bytes: number): Promise<number> {
  const publisher = bus.publisher<Uint8Array>(BULK, { via });
  const payload = new Uint8Array(bytes);
  const start = performance.now();
  let sent = 0;
  do {
    while (publisher.send(payload) !== OK) await publisher.writable();
    sent++;
  } while (performance.now() - start < SLICE_MS);
  const { delivered, failed } = await publisher.flush();
  if (delivered !== sent) {
    const [{ outcome, reason }] = failed;
    throw new BusError(
      'TRANSPORT_FAILED',
      `${sent - delivered} of ${sent} messages of ${bytes} bytes: ${outcome}, ${reason}`,
    );
  }
  return (sent * bytes) / ((performance.now() - start) / 1000);
}
