/** Plugins that cannot be measured, each in a way of its own. */
import { writeFileSync } from 'node:fs';
import { uds } from '@busbar/transport-uds';

const broken = (name, change) => ({ ...uds({ name }), ...change });

/** Ends the process it is opened in. */
export const crashing = () => broken('crashing', { create: () => process.exit(7) });

/** Never opens, and takes the event loop with it; `told` is written when it has begun. */
export const blocking = ({ told }) =>
  broken('blocking', {
    create() {
      writeFileSync(told, String(process.pid));
      for (;;);
    },
  });

/** Never opens. */
export const waiting = () => broken('waiting', { create: () => new Promise(() => {}) });

export const throwing = () => broken('throwing', { create: () => Promise.reject(new Error('no such device')) });

export const absent = () =>
  broken('absent', {
    probe: async () => ({ available: false, code: 'NO_KERNEL_SUPPORT', reason: 'the kernel is old', fix: 'update it' }),
  });

export const outdated = () => broken('outdated', { contractVersion: '99.0.0' });

/** Says that it connects, and does not. */
export const unreachable = () =>
  broken('unreachable', {
    async create(context) {
      const medium = await uds({ name: 'unreachable' }).create(context);
      medium.connect = () => Promise.reject(new Error('the cable is cut'));
      return medium;
    },
  });

export const notAPlugin = () => ({ name: 'x' });
