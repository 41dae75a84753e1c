import { createHash } from 'node:crypto';
import type { FindingMessage } from './contracts.ts';
import { type Language, languageOf } from './languages.ts';

/** A NUL byte this early marks a file as binary, as git has it. */
const BINARY_PROBE_BYTES = 8000;
const NEWLINE = 10;
const TODO = /\b(?:TODO|FIXME)\b/g;

/** Everything the survey wants to know of one file. A pure function of path and content. */
export function analyse(path: string, content: Uint8Array): FindingMessage {
  const bytes = content.length;
  const hash = createHash('sha256').update(content).digest('hex');
  if (content.subarray(0, BINARY_PROBE_BYTES).includes(0)) {
    return { path, bytes, language: 'binary', lines: 0, todos: 0, imports: 0, hash };
  }
  const language: Language = languageOf(path);
  // The patterns are ASCII, and one byte a character decodes fastest.
  const text = Buffer.from(content.buffer, content.byteOffset, bytes).toString('latin1');
  const imports = language.imports === undefined ? 0 : count(text, language.imports);
  return { path, bytes, language: language.name, lines: countLines(content), todos: count(text, TODO), imports, hash };
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

/** Lines as an editor numbers them: a last line counts without its newline. */
function countLines(content: Uint8Array): number {
  let lines = 0;
  for (let i = 0; i < content.length; i++) if (content[i] === NEWLINE) lines++;
  return content.length > 0 && content[content.length - 1] !== NEWLINE ? lines + 1 : lines;
}
