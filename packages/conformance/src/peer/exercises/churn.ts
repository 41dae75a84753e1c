import type { Host } from '../host.ts';
import type { PluginReference } from '../plugin-reference.ts';
import { exchange, openPair } from './local-pair.ts';

/** Opens a pair, carries three frames and closes everything twice, `cycles` times. */
export async function churn(_host: Host, plugin: PluginReference, directory: string, cycles: number): Promise<void> {
  for (let i = 0; i < cycles; i++) {
    const pair = await openPair(plugin, directory);
    await exchange(pair, 3);
    const ends = [pair.sender, pair.receiver, ...pair.transports];
    await Promise.all(ends.map((end) => end.close()));
    await Promise.all(ends.map((end) => end.close()));
  }
}
