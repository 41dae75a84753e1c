import path from 'node:path';
import { expect, test } from 'vitest';
import { Program, Scratch } from './program.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const TITLES = ['p50', 'p90', 'p99', 'p99.9', 'max', 'msgs/s', 'cores'];
const WAYS = ['ring', 'spin', 'hot', 'park'];
const TIME = /^\d+(?:\.\d+)? (?:ns|us|ms|s)$/;
const NANOS: Record<string, number> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

const critical = ({ folder }: Scratch, ...args: string[]): Program =>
  new Program('node', ['examples/critical/dist/main.js', ...args], { cwd: ROOT, runtimeDirectory: folder });

/** The last table of the output: a map from way to its cells. Names and cells stand two columns apart at least. */
function summaryOf(stdout: string): Map<string, string[]> {
  const lines = stdout.split('\n');
  const from = lines.findLastIndex((line) => line.includes('p99.9'));
  expect(cellsOf(lines[from])).toEqual(TITLES);
  return new Map(
    lines
      .slice(from + 1, from + 1 + WAYS.length)
      .map(cellsOf)
      .map(([way, ...cells]) => [way, cells]),
  );
}

function cellsOf(line: string): string[] {
  return line.trim().split(/ {2,}/);
}

function nanosOf(time: string): number {
  expect(time).toMatch(TIME);
  const [value, unit] = time.split(' ');
  return Number(value) * NANOS[unit];
}

test('measures each way to wait, says so line by line, and ends with a table', async () => {
  using scratch = new Scratch();
  using program = critical(scratch, '--seconds', '0.6');
  // It has ended only when the answering process has, too: that one writes to the same stderr.
  const { code, stdout, stderr } = await program.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).not.toContain('\x1b');
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(80);
  const summary = summaryOf(stdout);
  expect([...summary.keys()]).toEqual(WAYS);
  for (const cells of summary.values()) {
    expect(cells).toHaveLength(TITLES.length);
    const times = cells.slice(0, 5).map(nanosOf);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(cells[5]).toMatch(/^\d+(?:\.\d+)?(?: [kMG])?$/);
    expect(cells[6]).toMatch(/^\d+\.\d\d$/);
  }
  for (const way of WAYS) expect(stdout).toMatch(new RegExp(`^ {2}${way} .*[▁-█]`, 'm'));
});

test('ends on Ctrl-C with what it has', async () => {
  using scratch = new Scratch();
  using program = critical(scratch, '--seconds', '3600');
  await program.printed('\n  ring ');
  program.signal('SIGINT');
  const { code, stdout, stderr } = await program.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect([...summaryOf(stdout).keys()]).toEqual(WAYS);
});

test.each(['0', 'soon', '-1'])('refuses to measure for --seconds=%s', async (seconds) => {
  using scratch = new Scratch();
  using program = critical(scratch, `--seconds=${seconds}`);
  const { code, stdout, stderr } = await program.ended;
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(`not '${seconds}'`);
});
