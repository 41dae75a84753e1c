import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** True when node_modules in a folder holds what its package-lock.json says. */
export function isInstalled(folder) {
  const lock = readText(path.join(folder, 'package-lock.json'));
  if (readText(stampFile(folder)) === stampOf(lock)) return true;
  if (!matchesHiddenLockfile(folder, JSON.parse(lock))) return false;
  markInstalled(folder);
  return true;
}

/** Notes that node_modules now holds what package-lock.json says. */
export function markInstalled(folder) {
  fs.writeFileSync(stampFile(folder), stampOf(readText(path.join(folder, 'package-lock.json'))));
}

const stampFile = (folder) => path.join(folder, 'node_modules', '.busbar-installed');

const stampOf = (lock) => `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}\n`;

// npm writes node_modules/.package-lock.json when an install is complete: a person's own `npm install` needs no second one.
function matchesHiddenLockfile(folder, lock) {
  const text = readText(path.join(folder, 'node_modules', '.package-lock.json'));
  if (text === undefined) return false;
  const installed = JSON.parse(text).packages;
  const wanted = Object.entries(lock.packages).filter(([name]) => /(^|\/)node_modules\//.test(name));
  const same = (a, b) => a.version === b.version && a.integrity === b.integrity && a.link === b.link;
  return (
    wanted.every(([name, entry]) => (installed[name] ? same(entry, installed[name]) : entry.optional === true)) &&
    Object.keys(installed).every((name) => name in lock.packages)
  );
}

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
