import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { type CampaignResult, COUNTS } from '@busbar/conformance/campaigns';
import { expect, test } from 'vitest';

const MAIN = path.resolve(import.meta.dirname, '../dist/prove/main.js');
const KILLS = 6;

test('a group whose members are killed: nothing lost, nothing done twice unmarked, nothing open', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    MAIN,
    'delivery/kills',
    '--count',
    String(KILLS),
    '--seed',
    '1',
    '--json',
    '-',
  ]).catch((error: { stdout: string }) => error);
  const [result] = JSON.parse(stdout) as CampaignResult[];
  expect(result.findings, `seed ${result.seed}`).toEqual([]);
  expect(Object.fromEntries(COUNTS.map((count) => [count, result[count]]))).toEqual(
    Object.fromEntries(COUNTS.map((count) => [count, 0])),
  );
  expect(result.trials).toBe(KILLS);
  expect(result.hits).toBeGreaterThan(0);
  expect(result.measured.tasks).toBeGreaterThan(KILLS);
});
