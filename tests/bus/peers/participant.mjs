/**
 * A participant in a process of its own, driven over fork's channel: `run` evaluates a function of the test here, with
 * this module's `context`. The test must not lean on anything outside the function.
 */

import * as crypto from 'node:crypto';
import * as core from '@busbar/core';
import { memory } from '@busbar/transport-memory';
import { uds } from '@busbar/transport-uds';
import { record } from '../recorder.mjs';
import { cut } from './sockets.mjs';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

const context = {
  bus: undefined,
  core,
  crypto,
  cut,
  memory,
  plugin,
  record,
  uds,
  /** For what one call leaves to a later one. */
  kept: {},
  async open(options) {
    const plugins = await Promise.all((options.transports ?? ['uds']).map(plugin));
    context.bus = await core.createBus({ logger: silent, ...options, transports: undefined, plugins });
    context.errors = [];
    context.bus.on('error', (error) => context.errors.push(error.code));
    return context.bus.self;
  },
};

/** Of shared memory only what asks for it is loaded: one test takes the native code away. */
async function plugin(name) {
  if (name === 'shm') return (await import('@busbar/transport-shm')).shm();
  return name === 'memory' ? memory() : uds({ name });
}

process.on('message', async ({ id, source, argument }) => {
  try {
    // oxlint-disable-next-line typescript/no-implied-eval -- the source comes from the test that forked this process
    const task = new Function(`return (${source})`)();
    const value = await task(context, argument);
    process.send({ id, value });
  } catch (error) {
    const { name, message, code, outcome, data } = error;
    process.send({ id, failure: { name, message, code, outcome, data } });
  }
});
process.on('disconnect', () => process.exit());
process.send('up');
