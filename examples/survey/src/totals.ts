import type { FindingMessage } from './contracts.ts';

export interface LanguageTotals {
  readonly language: string;
  files: number;
  lines: number;
  bytes: number;
  imports: number;
  todos: number;
}

/** The result of a survey. The same for the same tree, whoever was killed on the way. */
export interface Totals {
  readonly files: number;
  /** Most lines first. */
  readonly languages: readonly LanguageTotals[];
  readonly all: LanguageTotals;
  /** Files whose content another file has too: copies beyond the first, and the bytes in them. Empty files aside. */
  readonly duplicates: { readonly contents: number; readonly copies: number; readonly bytes: number };
}

/** Sums up findings, in whatever order they came. */
export function totalsOf(findings: Iterable<FindingMessage>): Totals {
  const languages = new Map<string, LanguageTotals>();
  const all = none('all');
  const contents = new Map<string, { copies: number; readonly bytes: number }>();
  for (const finding of findings) {
    let row = languages.get(finding.language);
    if (row === undefined) {
      row = none(finding.language);
      languages.set(finding.language, row);
    }
    add(row, finding);
    add(all, finding);
    if (finding.bytes === 0) continue;
    const content = contents.get(finding.hash);
    if (content === undefined) contents.set(finding.hash, { copies: 0, bytes: finding.bytes });
    else content.copies++;
  }
  const repeated = [...contents.values()].filter(({ copies }) => copies > 0);
  return {
    files: all.files,
    languages: [...languages.values()].sort((a, b) => b.lines - a.lines || (a.language < b.language ? -1 : 1)),
    all,
    duplicates: {
      contents: repeated.length,
      copies: repeated.reduce((sum, { copies }) => sum + copies, 0),
      bytes: repeated.reduce((sum, { copies, bytes }) => sum + copies * bytes, 0),
    },
  };
}

function none(language: string): LanguageTotals {
  return { language, files: 0, lines: 0, bytes: 0, imports: 0, todos: 0 };
}

function add(row: LanguageTotals, { lines, bytes, imports, todos }: FindingMessage): void {
  row.files++;
  row.lines += lines;
  row.bytes += bytes;
  row.imports += imports;
  row.todos += todos;
}
