/** `npm run bench`: measures every row against its floor and prints what came of it. */
import { writeFileSync } from 'node:fs';
import { compare, comparisonLine } from './against.ts';
import { FULL, measure, QUICK } from './measure.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import type { Row } from './row.ts';
import { ROWS } from './rows/index.ts';
import { HEADING, lines, machine } from './table.ts';
import { openWorktree } from './worktree.ts';

/** People read stderr when the JSON goes to stdout. */
function printer(json: string | undefined): (text: string) => void {
  return json === '-' ? (text) => console.error(text) : (text) => console.log(text);
}

async function measureRows(options: Options, print: (text: string) => void): Promise<Row[]> {
  print('one way is half a round trip; medians of runs in fresh processes; rows and floors by turns\n');
  print(HEADING);
  const rows: Row[] = [];
  for (const spec of options.rows) {
    const measured = await measure(spec, options.quick ? QUICK : FULL);
    rows.push(measured.row);
    print(lines(spec, measured));
  }
  return rows;
}

async function compareRows(ref: string, options: Options, print: (text: string) => void): Promise<Row[]> {
  const worktree = openWorktree(ref);
  try {
    print(`this tree over ${ref} (${worktree.commit.slice(0, 12)}), by turns in fresh processes\n`);
    const rows: Row[] = [];
    for (const spec of options.rows) {
      const comparison = await compare(spec, worktree.worker);
      const { row, ratio, low, high } = comparison;
      rows.push({ ...row, against: { ref, ratio, low, high } });
      print(comparisonLine(spec, comparison));
    }
    return rows;
  } finally {
    worktree.remove();
  }
}

async function bench(options: Options): Promise<void> {
  const print = printer(options.json);
  print(machine());
  const rows =
    options.against === undefined
      ? await measureRows(options, print)
      : await compareRows(options.against, options, print);
  if (options.leftOut.length > 0) print(`\nleft out by --quick: ${options.leftOut.map(({ name }) => name).join(', ')}`);
  const json = `${JSON.stringify(rows, undefined, 2)}\n`;
  if (options.json === '-') process.stdout.write(json);
  else if (options.json !== undefined) writeFileSync(options.json, json);
}

try {
  await bench(readOptions(process.argv.slice(2), ROWS));
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 1;
}
