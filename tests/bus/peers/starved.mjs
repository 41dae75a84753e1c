/** Takes every descriptor the limit allows, then opens a bus, giving one descriptor back after each refusal. */
import { closeSync, openSync, readdirSync } from 'node:fs';
import { createBus } from '@busbar/core';
import { uds } from '@busbar/transport-uds';

const [, , directory] = process.argv;
const taken = [];
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const open = () => createBus({ name: 'starved', directory, plugins: [uds()], logger });
const descriptors = () => readdirSync('/proc/self/fd').length;

// The first one loads what is loaded once: native code, secrets of crypto.
await (await open()).close();
try {
  for (;;) taken.push(openSync('/dev/null', 'r'));
} catch (error) {
  if (error.code !== 'EMFILE') throw error;
}
// Room for the directory listing that counts.
closeSync(taken.pop());

const attempts = [];
for (;;) {
  const before = descriptors();
  try {
    const bus = await open();
    if (bus.unavailable.length > 0 || bus.peers.length === 0) {
      const [trouble] = bus.unavailable;
      await bus.close();
      if (trouble !== undefined)
        attempts.push({
          code: trouble.code,
          where: trouble.transport,
          remedy: trouble.fix,
          descriptors: descriptors() - before,
        });
      closeSync(taken.pop());
      continue;
    }
    // A link takes descriptors of its own, when first used.
    for (const descriptor of taken.splice(0, 6)) closeSync(descriptor);
    process.stdout.write(JSON.stringify({ attempts, answer: await bus.request('echo', 'hello') }));
    await bus.close();
    break;
  } catch (error) {
    if (error.name !== 'BusError') throw error;
    attempts.push({ code: error.code, where: error.where, remedy: error.remedy, descriptors: descriptors() - before });
    closeSync(taken.pop());
  }
}
