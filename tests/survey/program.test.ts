import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { AGENTS } from '../../examples/survey/src/crew-list.ts';
import { type RunningSurvey, startSurvey, surveyOf } from './run-survey.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'surveyed-'));
const FILES = 3000;
const busy = path.join(folder, 'busy');
mkdirSync(busy);
for (let n = 0; n < FILES; n++) writeFileSync(path.join(busy, `${n}.txt`), `${n}\n`.repeat(50));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function agentPids(survey: RunningSurvey): Promise<number[]> {
  const matches = await Promise.all(AGENTS.map((agent) => survey.printed(new RegExp(`${agent} started, pid (\\d+)`))));
  return matches.map(([, pid]) => Number(pid));
}

/** A zombie has ended: whoever adopts orphans here may never ask for their exit codes. */
function isRunning(pid: number): boolean {
  if (!existsSync('/proc/self/stat')) {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}

it.each([
  { args: ['/does/not/exist'], says: /\/does\/not\/exist does not exist/ },
  { args: [import.meta.filename], says: /is not a directory/ },
  { args: ['--kill', 'butler'], says: /no role 'butler'.*scout, reader/ },
  { args: ['.', '..'], says: /one directory at a time/ },
  { args: ['--fast'], says: /--fast/ },
])('refuses $args with exit code 2 and the reason', async ({ args, says }) => {
  const { code, stdout, stderr } = await startSurvey(args).ended;
  expect(stderr).toMatch(says);
  expect(stderr).toContain('usage: survey');
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

it('surveys an empty directory', async () => {
  const empty = path.join(folder, 'empty');
  mkdirSync(empty);
  const { totals, problems } = await surveyOf(empty);
  expect(totals.files).toBe(0);
  expect(problems).toEqual([]);
});

it('prints plain lines of at most 80 columns where there is no terminal', async () => {
  const { code, stdout } = await startSurvey([busy]).ended;
  expect(code).toBe(0);
  expect(stdout).not.toContain('\r');
  expect(stdout).not.toContain('\u001b');
  expect(stdout).toMatch(/^Text +3,000 +150,000 /m);
  expect(stdout).toMatch(/^high, to 64 KiB +shm +low latency first +3,000 /m);
  expect(stdout).toMatch(/^3,000 files in /m);
  for (const line of stdout.split('\n').slice(1)) expect(line.length).toBeLessThanOrEqual(80);
});

it('pauses while an agent is stopped, and goes on with it', async () => {
  const survey = startSurvey([busy]);
  const [, pid] = await survey.printed(/reader-2 started, pid (\d+)/);
  process.kill(Number(pid), 'SIGSTOP');
  await survey.printed(/^pause: reader-2 is silent$/m);
  process.kill(Number(pid), 'SIGCONT');
  await survey.printed(/^resume: all here$/m);
  const { code, stdout } = await survey.ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^3,000 files in /m);
  expect(stdout).not.toContain('Restarted');
});

it('ends on SIGINT with exit code 130, and leaves no agent and no bus directory behind', async () => {
  const temporary = mkdtempSync(path.join(folder, 't-'));
  const survey = startSurvey([busy], { TMPDIR: temporary });
  const pids = await agentPids(survey);
  await survey.printed(/scanning|files/);
  expect(readdirSync(temporary)).toHaveLength(1);
  survey.kill('SIGINT');
  const { code, stderr } = await survey.ended;
  expect(stderr).toContain('ended by SIGINT');
  expect(code).toBe(130);
  expect(pids.filter(isRunning)).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);
});

it('takes its agents along when it is killed itself', async () => {
  // What a killed survey leaves of its bus goes with the folder of this test.
  const survey = startSurvey([busy], { TMPDIR: folder });
  const pids = await agentPids(survey);
  survey.kill('SIGKILL');
  // Agents that have joined hear of it over the bus, the others find nobody to check in with.
  await expect.poll(() => pids.filter(isRunning), { timeout: 20_000 }).toEqual([]);
  await survey.ended;
});
