// Sends itself a frame, keeps transport, inbox and sender open, and has nothing more to do.
import { randomBytes } from 'node:crypto';
import { uds } from '@busbar/transport-uds';

const directory = process.argv[2];
const self = { id: randomBytes(8).toString('hex'), name: 'unheld', pid: process.pid, uid: undefined, verified: false };
const quiet = () => {};
let onMessage = quiet;
const held = setInterval(quiet, 1_000);
const transport = await uds().create({
  self,
  directory,
  clock: {
    now: () => performance.now(),
    setTimer(callback, ms) {
      const timer = setTimeout(callback, ms).unref();
      return { cancel: () => clearTimeout(timer) };
    },
  },
  logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  metrics: { count: quiet },
  signal: new AbortController().signal,
  limits: { maxFrameLength: 2_097_152, unwrittenBytes: 262_144 },
  control: {
    send(peer, message) {
      setImmediate(() => onMessage(peer, message));
      return true;
    },
    onMessage(handler) {
      onMessage = handler;
    },
    onPeerLost: quiet,
  },
});
const receiver = await transport.listen();
const sender = await transport.connect(receiver.address, self);
receiver.onReadable(() => {
  receiver.poll((_frame, _offset, length) => {
    console.log(`frame of ${length} bytes`);
    clearInterval(held);
    return 0;
  }, 1);
});
sender.tryClaim(40);
sender.frame.i32[sender.offset >> 2] = 40;
sender.commit();
sender.flush();
