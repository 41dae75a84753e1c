import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How many descriptors this process has open. */
export function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** How often shared memory labelled `label` is mapped in this process. */
export function mappings(label: string): number {
  const lines = readFileSync('/proc/self/maps', 'utf8').split('\n');
  return lines.filter((line) => line.includes(`/memfd:${label} `)).length;
}

export function closeAll(all: Iterable<{ close(): void }>): void {
  for (const one of all) one.close();
}

setFlagsFromString('--expose-gc');

export const collectGarbage: () => void = runInNewContext('gc');
