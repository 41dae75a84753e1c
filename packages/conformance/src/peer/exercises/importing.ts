import { closeSync } from 'node:fs';
import type { Availability } from '@busbar/core/contract';
import type { Host } from '../host.ts';
import { loadPlugin, type PluginReference } from '../plugin-reference.ts';
import { descriptors } from './census.ts';
import { takeAll } from './exhaust.ts';

/** Imports the package and makes the plugin; returns what that changed in the process. */
export async function importQuietly(_host: Host, plugin: PluginReference): Promise<string[]> {
  await settle();
  const before = traces();
  await loadPlugin(plugin);
  await settle();
  const after = traces();
  return Object.keys(before).filter((key) => before[key] !== after[key]);
}

/** Reads of the module loader's own end in later turns. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}

function traces(): Record<string, string> {
  return {
    descriptors: descriptors().join(),
    handles: process.getActiveResourcesInfo().sort().join(),
    'listeners of process': process
      .eventNames()
      .map((name) => `${String(name)} ${process.listenerCount(name)}`)
      .join(),
    globals: Object.getOwnPropertyNames(globalThis).join(),
    environment: Object.keys(process.env).join(),
    'working directory': process.cwd(),
  };
}

/** Probes, if asked to with no descriptor left. */
export async function probe(_host: Host, reference: PluginReference, exhausted: boolean): Promise<Availability> {
  const plugin = await loadPlugin(reference);
  const taken: number[] = [];
  if (exhausted) takeAll(taken);
  try {
    return await plugin.probe();
  } finally {
    for (const descriptor of taken) closeSync(descriptor);
  }
}
