/** Where diagnostics go. Any of pino, winston or `console` fits. */
export interface Logger {
  debug(message: string, details?: object): void;
  info(message: string, details?: object): void;
  warn(message: string, details?: object): void;
  error(message: string, details?: object): void;
}

/**
 * Monotonic time and timers, so that tests can turn the clock by hand. Wall-clock jumps do not reach it.
 */
export interface Clock {
  /** Milliseconds since an arbitrary moment; monotonic, the same scale in every process of the machine. */
  now(): number;
  /** Calls back once after `ms`; the timer never holds the process. */
  setTimer(callback: () => void, ms: number): TimerHandle;
}

export interface TimerHandle {
  cancel(): void;
}

/** Counters a transport reports beside those of the bus; names are `snake_case`, values are added up. */
export interface Metrics {
  count(name: string, delta: number): void;
}
