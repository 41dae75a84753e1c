import { formatBytes, formatCount, formatMicros } from './format.ts';
import type { SurveyResult } from './orchestrator.ts';
import { SIZE_BORDERS } from './route-log.ts';
import { table } from './table.ts';
import type { LanguageTotals } from './totals.ts';

/** Unreadable files named one by one; the rest only as a number. */
const MAX_PROBLEMS = 10;
/** Characters of a path or reason before it is cut. */
const MAX_TEXT = 60;

/** The end of a survey in words: lines of at most 80 columns. */
export function describeResult(result: SurveyResult): string[] {
  return [
    'Findings',
    '',
    ...findings(result),
    '',
    ...problems(result),
    'Routes',
    '',
    ...routes(result),
    '',
    ...story(result),
  ];
}

function findings({ totals }: SurveyResult): string[] {
  const cells = (row: LanguageTotals): string[] => [
    row.language,
    formatCount(row.files),
    formatCount(row.lines),
    formatBytes(row.bytes),
    formatCount(row.imports),
    formatCount(row.todos),
  ];
  const { contents, copies, bytes } = totals.duplicates;
  return [
    ...table(
      [
        { title: 'language', align: 'left' },
        ...['files', 'lines', 'size', 'imports', 'TODOs'].map((title) => ({ title, align: 'right' as const })),
      ],
      [...totals.languages, totals.all].map(cells),
    ),
    '',
    copies === 0
      ? 'No file is a copy of another.'
      : `${formatCount(copies)} files are copies, of ${formatCount(contents)} contents: ${formatBytes(bytes)} more than needed.`,
  ];
}

function problems({ problems: list }: SurveyResult): string[] {
  if (list.length === 0) return [];
  const shown = list.slice(0, MAX_PROBLEMS).map(({ path, reason }) => `  ${shorten(path)}\n    ${shorten(reason)}`);
  const more = list.length > MAX_PROBLEMS ? [`  and ${formatCount(list.length - MAX_PROBLEMS)} more`] : [];
  return [`Could not be read: ${formatCount(list.length)}`, ...shown, ...more, ''];
}

function routes({ routes: rows }: SurveyResult): string[] {
  return [
    ...table(
      [
        { title: 'messages', align: 'left' },
        { title: 'via', align: 'left' },
        { title: 'because', align: 'left' },
        { title: 'count', align: 'right' },
        { title: 'p50', align: 'right' },
        { title: 'p99', align: 'right' },
      ],
      rows.map(({ priority, size, via, why, count, p50, p99 }) => [
        `${priority}, ${sizeName(size)}`,
        via,
        reason(why),
        formatCount(count),
        formatMicros(p50),
        formatMicros(p99),
      ]),
    ),
    '',
    'p50 and p99: one way, of those messages that carry their send time (a sample).',
  ];
}

/** The policy's words without the class, which the first column names; or what was left. */
function reason(why: string): string {
  const [line, left] = why.split('; ');
  // `shm is left`, without the measurement, which is too long for a table.
  return left === undefined ? line.slice(line.indexOf(': ') + 1).trimStart() : left.slice(0, left.indexOf(':'));
}

function sizeName(size: number): string {
  const border = SIZE_BORDERS[size];
  return border === undefined ? `over ${formatBytes(SIZE_BORDERS[size - 1])}` : `to ${formatBytes(border)}`;
}

function story({ totals, run }: SurveyResult): string[] {
  const restarts = Object.entries(run.restarts).map(([agent, times]) => `${agent} ${times}`);
  const disturbed =
    restarts.length === 0
      ? []
      : [
          'What an agent had received when it was killed is missing from this table.',
          '',
          `Restarted: ${restarts.join(', ')}. Files read again: ${formatCount(run.reassigned)}; findings refilled: ${formatCount(run.refilled)}.`,
        ];
  return [...disturbed, `${formatCount(totals.files)} files in ${run.seconds.toFixed(1)} s.`];
}

function shorten(text: string): string {
  return text.length <= MAX_TEXT ? text : `...${text.slice(3 - MAX_TEXT)}`;
}
