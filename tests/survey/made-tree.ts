import { closeSync, ftruncateSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Totals } from '../../examples/survey/src/totals.ts';

const SCRIPTS = 600;
const SNAKES = 40;
const COPIES = 10;
const EMPTY = 5;
const LONG_LINES = 60_000;
const LONG_LINE = `${'x'.repeat(59)}\n`;
const SNAKE = 'import os\nfrom a import b';
const COPY = 'the same in every copy\n';
const OVER_THE_LIMIT = 65 * 1024 * 1024;

function script(n: number): string {
  return `import './${n}.ts';\n// TODO ${n}\nexport const v = ${n};\n`;
}

/**
 * Writes a tree with everything a survey may meet: many small files and a few large ones, copies, empty files, names
 * of many scripts, links, folders to be left out, and files that cannot be surveyed. Answers what a survey must find.
 */
export function makeTree(root: string): { readonly totals: Totals; readonly unreadable: readonly string[] } {
  const write = (name: string, content: string | Uint8Array): void => {
    mkdirSync(path.join(root, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(root, name), content);
  };
  let scriptBytes = 0;
  for (let n = 0; n < SCRIPTS; n++) {
    write(`src/part-${n % 20}/${n}.ts`, script(n));
    scriptBytes += script(n).length;
  }
  for (let n = 0; n < SNAKES; n++) write(`tools/${n}.py`, `${SNAKE}${n}`);
  for (let n = 0; n < COPIES; n++) write(`copies/${n}.txt`, COPY);
  for (let n = 0; n < EMPTY; n++) write(`empty/${n}.md`, '');
  write('large/long.txt', LONG_LINE.repeat(LONG_LINES));
  write('large/noise.bin', new Uint8Array(200_000));
  write('ünï cødé/шапка 📦.json', '{}\n');

  write('.git/HEAD', 'left out');
  write('node_modules/dependency/index.js', 'left out');
  symlinkSync('src/part-0/0.ts', path.join(root, 'link-to-file.ts'));
  symlinkSync('..', path.join(root, 'src/link-to-folder'));
  writeFileSync(Buffer.concat([Buffer.from(`${root}/not-utf8-`), Buffer.from([0xff])]), 'its name cannot be said');
  const sparse = openSync(path.join(root, 'too-large.bin'), 'w');
  ftruncateSync(sparse, OVER_THE_LIMIT);
  closeSync(sparse);

  const snakeBytes = SNAKES * SNAKE.length + 10 + (SNAKES - 10) * 2;
  const languages = [
    row('Text', COPIES + 1, COPIES + LONG_LINES, COPIES * COPY.length + LONG_LINES * LONG_LINE.length, 0, 0),
    row('TypeScript', SCRIPTS, SCRIPTS * 3, scriptBytes, SCRIPTS, SCRIPTS),
    row('Python', SNAKES, SNAKES * 2, snakeBytes, SNAKES * 2, 0),
    row('JSON', 1, 1, 3, 0, 0),
    row('Markdown', EMPTY, 0, 0, 0, 0),
    row('binary', 1, 0, 200_000, 0, 0),
  ];
  const sum = (field: 'files' | 'lines' | 'bytes' | 'imports' | 'todos'): number =>
    languages.reduce((total, each) => total + each[field], 0);
  return {
    totals: {
      files: sum('files'),
      languages,
      all: row('all', sum('files'), sum('lines'), sum('bytes'), sum('imports'), sum('todos')),
      duplicates: { contents: 1, copies: COPIES - 1, bytes: (COPIES - 1) * COPY.length },
    },
    unreadable: ['not-utf8-\u{fffd}', 'too-large.bin'],
  };
}

function row(language: string, files: number, lines: number, bytes: number, imports: number, todos: number) {
  return { language, files, lines, bytes, imports, todos };
}
