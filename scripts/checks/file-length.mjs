// One idea a file: a source of more than 400 lines holds several.
import fs from 'node:fs';
import path from 'node:path';
import { committedFiles } from '../committed-files.mjs';
import { ROOT } from '../paths.mjs';

const MAX_LINES = 400;

const problems = committedFiles()
  .filter((file) => /\.[cm]?[jt]sx?$/.test(file))
  .map((file) => ({ file, lines: fs.readFileSync(path.join(ROOT, file), 'utf8').split('\n').length - 1 }))
  .filter(({ lines }) => lines > MAX_LINES);
for (const { file, lines } of problems) console.log(`${file} has ${lines} lines, at most ${MAX_LINES} are allowed`);
process.exitCode = problems.length > 0 ? 1 : 0;
