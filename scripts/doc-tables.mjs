// npm run check calls this with --check. Fills what stands between `<!-- generated: NAME … -->` and
// `<!-- /generated -->` in the documents from the built packages and the sources, so that no table can rot; and looks after links.
import fs from 'node:fs';
import path from 'node:path';
import { committedFiles } from './committed-files.mjs';
import { ROOT } from './paths.mjs';
import { workspaces } from './workspaces.mjs';

const SECTION = /^<!-- generated: (\S+) ?(.*?) -->\n[\s\S]*?^<!-- \/generated -->$/gm;
const TRANSPORT = /^@busbar\/transport-(.+)$/;

const GENERATORS = {
  capabilities: async (names) => capabilityTable(await pluginsOf(names.split(' ').filter(Boolean))),
  'error-codes': errorCodeList,
  source: (file) => `\`\`\`ts\n${read(file)}\`\`\``,
};

const check = process.argv.includes('--check');
const problems = [];
const documents = committedFiles().filter((file) => file.endsWith('.md'));
for (const file of documents) await fill(file);
problems.push(...missingSections(), ...(await wrongErrorHeadings()), ...documents.flatMap(brokenLinks));
for (const problem of problems) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

async function fill(file) {
  const text = read(file);
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(SECTION)) {
    const [whole, name, argument] = match;
    const generate = GENERATORS[name];
    if (!generate)
      throw new Error(`${file}: nothing generates "${name}"; there are ${Object.keys(GENERATORS).join(', ')}`);
    const opening = whole.slice(0, whole.indexOf('\n'));
    parts.push(text.slice(end, match.index), `${opening}\n${await generate(argument)}\n<!-- /generated -->`);
    end = match.index + whole.length;
  }
  const filled = parts.join('') + text.slice(end);
  if (filled === text) return;
  if (check) problems.push(`${file} is out of date: run node scripts/doc-tables.mjs`);
  else fs.writeFileSync(path.join(ROOT, file), filled);
}

/** Plugins by the names of their media; all of them when none is named. The factory bears its medium. */
async function pluginsOf(names) {
  const media = workspaces().flatMap(({ manifest }) => TRANSPORT.exec(manifest.name)?.[1] ?? []);
  return Promise.all(
    (names.length === 0 ? media : names).map(async (medium) => {
      const module = await import(`@busbar/transport-${medium}`);
      return module[medium]();
    }),
  );
}

function capabilityTable(plugins) {
  const row = (cells) => `| ${cells.join(' | ')} |`;
  const fields = Object.keys(plugins[0].capabilities);
  return [
    row(['capability', ...plugins.map(({ name }) => name)]),
    row(['---', ...plugins.map(() => '---')]),
    ...fields.map((field) =>
      row([`\`${field}\``, ...plugins.map(({ capabilities }) => inWords(field, capabilities[field]))]),
    ),
  ].join('\n');
}

function inWords(field, value) {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length === 0 ? 'nothing' : value.join('; ');
  if (typeof value !== 'number') return String(value);
  if (!/(Length|Bytes|Fragment)$/.test(field)) return String(value);
  for (const [unit, bytes] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ]) {
    if (value % bytes === 0) return `${value / bytes} ${unit}`;
    if ((value + 1) % bytes === 0) return `${(value + 1) / bytes} ${unit} - 1 B`;
  }
  return `${value} B`;
}

async function errorCodeList() {
  const codes = await errorCodes();
  return codes.map((code) => `[${code}](#${code.toLowerCase()})`).join(' · ');
}

async function errorCodes() {
  const { ERROR_CODES } = await import('@busbar/core/contract');
  return ERROR_CODES;
}

async function wrongErrorHeadings() {
  const headings = [...read('docs/errors.md').matchAll(/^### ([A-Z_]+)$/gm)].map(([, code]) => code);
  const codes = await errorCodes();
  if (headings.join() === codes.join()) return [];
  const missing = codes.filter((code) => !headings.includes(code));
  const extra = headings.filter((code) => !codes.includes(code));
  return [
    `docs/errors.md: missing ${missing.join(', ') || 'none'}; unknown ${extra.join(', ') || 'none'}; keep the order`,
  ];
}

/** Every transport's README shows its capabilities. */
function missingSections() {
  return workspaces().flatMap(({ folder, manifest }) => {
    const medium = TRANSPORT.exec(manifest.name)?.[1];
    if (medium === undefined) return [];
    const file = `${folder}/README.md`;
    const marker = `<!-- generated: capabilities ${medium} -->`;
    if (fs.existsSync(path.join(ROOT, file)) && read(file).includes(marker)) return [];
    return [`${file} lacks ${marker} and <!-- /generated --> around its table of capabilities`];
  });
}

/** Links to files of this repository that lead nowhere. */
function brokenLinks(file) {
  // Code is no text: an array may be called beside its index.
  const text = read(file).replace(/^```[\s\S]*?^```$/gm, '');
  return [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
    .map(([, target]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => !fs.existsSync(path.join(ROOT, path.dirname(file), target)))
    .map((target) => `${file} links to ${target}, which is not there`);
}

function read(file) {
  return fs.readFileSync(path.join(ROOT, file), 'utf8');
}
