import type { Bus } from '../bus.ts';
import { BusError, fromSystemError, isBusError, type TransportPlugin } from '../contract/index.ts';
import { createBus } from '../create-bus.ts';
import { runDelayMs } from '../dispatcher/spin-budget.ts';
import type { Reason } from './calibration.ts';
import { measureBoth, openRoute, serveMeasurement } from './measurement.ts';
import { loadPlugin } from './plugin-source.ts';
import type { Order, Report } from './wire.ts';

/**
 * The program of a measuring process. Whatever a transport does wrong - hang, block, crash - is done in here, so that
 * `calibrate` can end it; when the channel closes, its caller is gone or done.
 */

const logger = { debug() {}, info() {}, warn() {}, error() {} };

let plugin: TransportPlugin | undefined;
let bus: Bus | undefined;

function post(report: Report): void {
  if (process.connected) process.send?.(report);
}

async function open({ role, source, from, directory }: Extract<Order, { op: 'open' }>): Promise<void> {
  plugin = await loadPlugin(source, from);
  const { name, capabilities } = plugin;
  post({ op: 'loaded', transport: name });
  if (capabilities.scope === 'thread') {
    throw new BusError('NO_ROUTE', 'it joins the threads of one process, and two processes are measured', {
      where: name,
      remedy: 'leave it out',
    });
  }
  const opened = await createBus({ name: role, directory, plugins: [plugin], logger });
  bus = opened;
  if (opened.unavailable.length > 0) {
    const [{ code, reason, fix }] = opened.unavailable;
    post({ op: 'failed', reason: { code, reason, fix } });
    return;
  }
  // A subscription is announced to those who are there; who comes later might be asked to send too early.
  if (opened.peers.length === 0) await new Promise((resolve) => opened.on('join', resolve));
  if (role === 'serve') {
    await serveMeasurement(opened, name);
    post({ op: 'ready' });
  }
}

async function measure({ warmUp, milliseconds, patience }: Extract<Order, { op: 'measure' }>): Promise<void> {
  if (bus === undefined || plugin === undefined) return;
  const { name, capabilities } = plugin;
  await openRoute(bus, name, patience);
  // A fresh engine moves a fifth of what it does once it has compiled what runs.
  await measureBoth(bus, name, capabilities.maxMessageLength, warmUp);
  const begin = performance.now();
  const waitedBefore = runDelayMs();
  const { latency, throughput } = await measureBoth(bus, name, capabilities.maxMessageLength, milliseconds);
  const coreWaitShare = (runDelayMs() - waitedBefore) / (performance.now() - begin);
  post({ op: 'measured', figures: { transport: name, latency, throughput, coreWaitShare } });
}

function reasonOf(error: unknown): Reason {
  const { code, what, remedy } = isBusError(error) ? error : fromSystemError(error, 'it failed');
  return { code, reason: what, fix: remedy ?? 'see the reason' };
}

function failed(error: unknown): void {
  post({ op: 'failed', reason: reasonOf(error) });
}

let opening: Promise<void> | undefined;
process.on('message', (order: Order) => {
  if (order.op === 'open') opening = open(order);
  else opening = opening?.then(() => measure(order));
  opening?.catch(failed);
});
process.on('uncaughtException', failed);
process.on('disconnect', () => {
  if (bus === undefined) process.exit();
  void bus.close({ timeout: 100 }).finally(() => process.exit());
});
