// Round trips of two parked processes that ring each other's doorbell - and, beside it, the same over koffi's uv_poll -
// and what one ring costs the one who rings.
// node packages/native/test/peers/measure-wake.mjs
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { available, createDoorbell, openBell } from '@busbar/native';
import koffi from 'koffi';

const ROUNDS = 20_000;
const WARM_UP = 2_000;
const O_NONBLOCK_CLOEXEC = 0x80800;

const microseconds = (from) => Number(process.hrtime.bigint() - from) / 1000;
const shown = (value) => value.toFixed(1).padStart(6);

function percentiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return [0.5, 0.99].map((q) => shown(sorted[Math.floor(q * sorted.length)])).join(' ');
}

/** What `createDoorbell` would be over uv_poll: koffi runs no microtasks on Node 26, the immediate does. */
function createPolled(onRing) {
  const libc = koffi.load(null);
  const read = libc.func('long read(int fd, _Out_ uint8_t *buffer, size_t bytes)');
  const fds = new Int32Array(2);
  libc.func('int pipe2(_Out_ int *fds, int flags)')(fds, O_NONBLOCK_CLOEXEC);
  const scratch = new Uint8Array(4096);
  const handle = koffi.node.poll(fds[0], () => {
    read(fds[0], scratch, scratch.length);
    setImmediate(() => onRing());
  });
  return { descriptor: fds[1], close: () => handle.close() };
}

const KINDS = { doorbell: createDoorbell, uv_poll: createPolled };

async function measure(kind) {
  const child = fork(import.meta.filename, [kind]);
  const [descriptor] = await once(child, 'message');
  const bell = openBell(child.pid, descriptor);
  const rounds = [];
  let finish;
  let started;
  const done = new Promise((resolve) => {
    finish = resolve;
  });
  const doorbell = KINDS[kind](() => {
    rounds.push(microseconds(started));
    if (rounds.length === ROUNDS) return finish();
    started = process.hrtime.bigint();
    bell.ring();
  });
  child.send(doorbell.descriptor);
  await once(child, 'message');
  const before = process.cpuUsage();
  started = process.hrtime.bigint();
  bell.ring();
  await done;
  const { user, system } = process.cpuUsage(before);
  doorbell.close();
  bell.close();
  child.kill();
  await once(child, 'exit');
  return `${percentiles(rounds.slice(WARM_UP))} ${shown((user + system) / ROUNDS)}`;
}

/** Answers every ring with a ring. */
function answer(kind) {
  let bell;
  const doorbell = KINDS[kind](() => bell.ring());
  process.on('message', (descriptor) => {
    bell = openBell(process.ppid, descriptor);
    process.send('ready');
  });
  process.send(doorbell.descriptor);
}

function measureRing() {
  const doorbell = createDoorbell(() => {});
  const bell = openBell(process.pid, doorbell.descriptor);
  const rings = Array.from({ length: 60_000 }, () => {
    const started = process.hrtime.bigint();
    bell.ring();
    return microseconds(started);
  });
  doorbell.close();
  bell.close();
  return percentiles(rings.slice(WARM_UP));
}

await available();
if (process.send === undefined) {
  console.log(`node ${process.version}; us: round trip p50, p99; processor time of one side per round`);
  for (let run = 0; run < 3; run++) {
    for (const kind of Object.keys(KINDS)) console.log(kind.padEnd(8), await measure(kind));
  }
  console.log('one ring, us: p50, p99', measureRing());
} else {
  answer(process.argv[2]);
}
