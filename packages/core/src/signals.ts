/**
 * Ends a process in order on a signal: the first one runs `close` and then lets the signal have its usual effect; a
 * second one has it at once. Returns a function that stops listening.
 */
export function closeOnSignals(signals: readonly NodeJS.Signals[], close: () => Promise<unknown>): () => void {
  let closing = false;
  const listeners = signals.map((signal) => {
    const listener = (): void => {
      if (closing) {
        end(signal);
        return;
      }
      closing = true;
      close().then(
        () => end(signal),
        () => end(signal),
      );
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  const stop = (): void => {
    for (const { signal, listener } of listeners) process.off(signal, listener);
  };
  // Without a listener the signal ends the process, with the exit status that callers expect of it.
  const end = (signal: NodeJS.Signals): void => {
    stop();
    process.kill(process.pid, signal);
  };
  return stop;
}
