// A committed file must mean the same on every machine: no paths of this one, no registry hosts.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { committedFiles } from '../committed-files.mjs';
import { ROOT } from '../paths.mjs';

const traces = [new RegExp(`${literal(`${path.dirname(ROOT)}/`)}[\\w.-]`), /registry\.(npmjs|yarnpkg)\./];
// A root user's home or a clone in a top folder is too common a word to look for.
if (os.homedir().length > 3) traces.push(new RegExp(`(^|[\\s'"\`=(])${literal(`${os.homedir()}/`)}`, 'm'));
if (path.dirname(ROOT).length < 5) traces.shift();

let found = 0;
for (const file of committedFiles()) {
  const text = fs.readFileSync(path.join(ROOT, file), 'utf8');
  for (const [index, line] of text.split('\n').entries()) {
    if (!traces.some((trace) => trace.test(line))) continue;
    console.log(`${file}:${index + 1}: ${line.trim().slice(0, 120)}`);
    found += 1;
  }
}
process.exitCode = found > 0 ? 1 : 0;

function literal(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
