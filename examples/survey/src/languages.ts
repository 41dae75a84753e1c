import { extname } from 'node:path';

export interface Language {
  readonly name: string;
  /** Matches each import once, approximately: a pattern, not a parser. Undefined: the language has none. */
  readonly imports: RegExp | undefined;
}

const SCRIPT = /^[ \t]*import\b|\bimport\(|\brequire\(|^[ \t]*export\b.*\bfrom[ \t]*['"]/gm;

const LANGUAGES: readonly (readonly [name: string, extensions: string, imports?: RegExp])[] = [
  ['TypeScript', '.ts .mts .cts .tsx', SCRIPT],
  ['JavaScript', '.js .mjs .cjs .jsx', SCRIPT],
  ['Python', '.py .pyi', /^[ \t]*(?:import|from)[ \t]+[\w.]+/gm],
  ['C', '.c .h', /^[ \t]*#[ \t]*include\b/gm],
  ['C++', '.cc .cpp .cxx .hh .hpp', /^[ \t]*#[ \t]*include\b/gm],
  ['Rust', '.rs', /^[ \t]*(?:pub[ \t]+)?use[ \t]/gm],
  ['Go', '.go', /^[ \t]*import\b/gm],
  ['Java', '.java', /^[ \t]*import\b/gm],
  ['Shell', '.sh .bash', /^[ \t]*(?:source|\.)[ \t]/gm],
  ['CSS', '.css', /^[ \t]*@import\b/gm],
  ['HTML', '.html .htm'],
  ['JSON', '.json .map .tsbuildinfo'],
  ['Markdown', '.md'],
  ['YAML', '.yml .yaml'],
  ['TOML', '.toml'],
  ['Text', '.txt'],
];

const OTHER: Language = { name: 'other', imports: undefined };

const BY_EXTENSION = new Map(
  LANGUAGES.flatMap(([name, extensions, imports]) =>
    extensions.split(' ').map((extension): [string, Language] => [extension, { name, imports }]),
  ),
);

export function languageOf(path: string): Language {
  return BY_EXTENSION.get(extname(path).toLowerCase()) ?? OTHER;
}
