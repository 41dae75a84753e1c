import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bus } from '../bus.ts';
import { createBus } from '../create-bus.ts';
import type { BusOptions } from '../options.ts';

/** A bus nobody else can meet, unless it is told the directory. */
export interface TestBus extends AsyncDisposable {
  readonly bus: Bus;
  /** Its runtime directory, for further participants: `createBus({ directory })`. Close those first. */
  readonly directory: string;
  /** Closes the bus and removes the directory. */
  close(): Promise<void>;
}

/**
 * A bus in a fresh directory of its own: `await using test = await createTestBus({ plugins: [memory()] })`.
 * @throws BusError what `createBus` throws; the directory is gone then.
 */
export async function createTestBus(options: Omit<BusOptions, 'directory'> = {}): Promise<TestBus> {
  const directory = await mkdtemp(path.join(tmpdir(), 'busbar-'));
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  let bus: Bus;
  try {
    bus = await createBus({ ...options, directory });
  } catch (error) {
    await remove();
    throw error;
  }
  const close = async (): Promise<void> => {
    await bus.close();
    await remove();
  };
  return { bus, directory, close, [Symbol.asyncDispose]: close };
}
