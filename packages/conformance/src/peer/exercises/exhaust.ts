import { closeSync, openSync } from 'node:fs';
import type { Host } from '../host.ts';
import { loadPlugin, type PluginReference } from '../plugin-reference.ts';
import { toWireError, type WireError } from '../wire.ts';
import { descriptors } from './census.ts';
import { exchange, openPair } from './local-pair.ts';

export interface Exhaustion {
  /** Undefined when the pair could be opened and carried frames. */
  readonly error: WireError | undefined;
  /** Descriptors that were not there before. */
  readonly leaked: readonly string[];
}

/** Opens a pair while only `free` descriptors are left, as far as the limit of this process allows. */
export async function exhaust(
  _host: Host,
  plugin: PluginReference,
  directory: string,
  free: number,
): Promise<Exhaustion> {
  // What is loaded on first use opens files; that is not the failure meant here.
  await loadPlugin(plugin);
  const before = descriptors();
  const taken: number[] = [];
  let error: WireError | undefined;
  try {
    takeAll(taken);
    for (let i = 0; i < free; i++) closeSync(taken.pop() ?? -1);
    const pair = await openPair(plugin, directory);
    await exchange(pair, 3);
    await pair.close();
  } catch (caught) {
    error = toWireError(caught);
  } finally {
    for (const descriptor of taken) closeSync(descriptor);
  }
  // Sockets close in a later turn.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const after = descriptors();
  for (const target of before) {
    const index = after.indexOf(target);
    if (index >= 0) after.splice(index, 1);
  }
  return { error, leaked: after };
}

/** Takes every descriptor that is left. */
export function takeAll(into: number[]): void {
  try {
    for (;;) into.push(openSync('/dev/null', 'r'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
  }
}
