/** `closable` ends when `signal` fires, or at once when it has. */
export function closeOnAbort(signal: AbortSignal | undefined, closable: { close(): void }): void {
  if (signal === undefined) return;
  if (signal.aborted) closable.close();
  else signal.addEventListener('abort', () => closable.close(), { once: true });
}
