import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Publisher } from '@busbar/core';
import type { Agent, RoleWork } from '../agent.ts';
import { Scan, Sighting, type SightingMessage } from '../contracts.ts';
import { problemOf } from '../problem.ts';
import { send } from '../send.ts';

const SKIPPED = new Set(['.git', 'node_modules']);
/** Files looked at side by side: enough to keep the thread pool of libuv busy. */
const BATCH = 64;

/** Walks the tree and announces every regular file: many small messages. */
export const scout: RoleWork = (agent) => {
  const sightings = agent.bus.publisher(Sighting);
  const scan = agent.bus.serve(Scan, async () => {
    await walk(agent, sightings, '');
    // Settled means that the orchestrator's bus has them all: only then may the scan be called complete.
    await sightings.flush();
    return null;
  });
  return [scan];
};

async function walk(agent: Agent, sightings: Publisher<SightingMessage>, folder: string): Promise<void> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(agent.root, folder), { withFileTypes: true });
  } catch (error) {
    await send(sightings, { path: folder === '' ? '.' : folder, bytes: 0, problem: problemOf(error) });
    return;
  }
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => join(folder, name));
  for (let at = 0; at < files.length; at += BATCH) {
    await agent.gate.passed();
    const batch = files.slice(at, at + BATCH);
    for (const sighting of await Promise.all(batch.map((path) => look(agent.root, path))))
      await send(sightings, sighting);
  }
  for (const entry of entries) {
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) await walk(agent, sightings, join(folder, entry.name));
  }
}

async function look(root: string, path: string): Promise<SightingMessage> {
  try {
    return { path, bytes: (await lstat(join(root, path))).size };
  } catch (error) {
    return { path, bytes: 0, problem: problemOf(error) };
  }
}
