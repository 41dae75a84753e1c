import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLES } from '../../examples/survey/src/crew-list.ts';
import type { SurveyResult } from '../../examples/survey/src/orchestrator.ts';
import { makeTree } from './made-tree.ts';
import { surveyOf } from './run-survey.ts';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const GENERATED = new Set(['.git', 'node_modules', 'dist', 'coverage']);

/** A copy: others may be at work in the repository itself, and two surveys must see the same. */
function copyRepository(root: string): void {
  for (const part of ['packages', 'examples', 'scripts', 'package.json', 'tsconfig.base.json', 'LICENSE'])
    cpSync(path.join(REPOSITORY, part), path.join(root, part), {
      recursive: true,
      filter: (source) => !GENERATED.has(path.basename(source)),
    });
}

describe.each([
  { tree: 'a tree made for it', make: makeTree },
  { tree: 'the repository', make: copyRepository },
])('$tree', ({ make }) => {
  const root = mkdtempSync(path.join(tmpdir(), 'surveyed-'));
  let expected: ReturnType<typeof makeTree> | undefined;
  let undisturbed: SurveyResult;

  beforeAll(async () => {
    expected = make(root) ?? undefined;
    undisturbed = await surveyOf(root);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it('is surveyed whole, with nobody restarted', () => {
    const { totals, problems, run, routes } = undisturbed;
    expect(totals.files).toBeGreaterThan(0);
    expect(run.restarts).toEqual({});
    if (expected !== undefined) {
      expect(totals).toEqual(expected.totals);
      expect(problems.map(({ path }) => path)).toEqual(expected.unreadable);
    }
    // A content each, a sighting each, and a finding to the archivist and to the orchestrator each.
    const count = (priority: string): number =>
      routes.filter((row) => row.priority === priority).reduce((sum, row) => sum + row.count, 0);
    expect(count('high') + count('batch')).toBeGreaterThanOrEqual(totals.files);
    expect(count('normal')).toBeGreaterThanOrEqual(3 * totals.files);
    expect(count('critical')).toBeGreaterThan(0);
    expect(routes.every(({ why }) => why !== '')).toBe(true);
    const via = (priority: string): string[] => routes.filter((row) => row.priority === priority).map((row) => row.via);
    expect(new Set(via('critical'))).toEqual(new Set(['shm']));
    expect(via('high')).toContain('shm');
    expect(routes.some((row) => row.via === 'uds')).toBe(true);
  });

  it.each(ROLES)('loses no file when the %s is killed in the middle', async (role) => {
    const { totals, problems, run } = await surveyOf(root, '--kill', role);
    expect(run.killed).toBeDefined();
    const { agent, kept } = run.killed!;
    expect(agent.startsWith(role)).toBe(true);
    // In the middle: there was work left, and someone else had to do it.
    expect(kept).toBeLessThan(totals.files);
    expect(run.restarts).toEqual({ [agent]: 1 });
    if (role === 'archivist') expect(run.refilled).toBeGreaterThanOrEqual(kept);
    expect(totals).toEqual(undisturbed.totals);
    expect(problems).toEqual(undisturbed.problems);
  });
});
