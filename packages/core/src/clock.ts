import type { Clock, TimerHandle } from './contract/index.ts';

/** CLOCK_MONOTONIC of the machine, so that times of different processes compare; timers never hold the process. */
export const systemClock: Clock = {
  now(): number {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
  setTimer(callback: () => void, ms: number): TimerHandle {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
