import fs from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { ROOT } from '../paths.mjs';
import { workspaces } from '../workspaces.mjs';
import { importsOf } from './imports.mjs';

/** The shipped sources and the examples, as a map from path (relative to the root) to text. */
export function readSources() {
  const sources = new Map();
  for (const { folder } of workspaces()) {
    if (!/^(packages|examples)\//.test(folder)) continue;
    const src = path.join(ROOT, folder, 'src');
    for (const name of fs.readdirSync(src, { recursive: true, encoding: 'utf8' })) {
      if (/\.[cm]?tsx?$/.test(name))
        sources.set(`${folder}/src/${name}`, fs.readFileSync(path.join(src, name), 'utf8'));
    }
  }
  return sources;
}

/**
 * The edges from each file, as { from, line, form, specifier, to, module }. `to` is the source file within this
 * repository that the import means, `module` the package or 'node:'; an edge with neither resolves to nothing.
 */
export function buildGraph(sources, parsed = new Map()) {
  const resolve = resolver(sources);
  const edges = [];
  for (const [from, text] of sources) {
    // Plants change a file or two; the others need no second parse.
    if (parsed.get(from)?.text !== text) parsed.set(from, { text, imports: importsOf(from, text) });
    for (const found of parsed.get(from).imports) edges.push({ from, ...found, ...resolve(from, found.specifier) });
  }
  return { files: [...sources.keys()], edges, resolve };
}

function resolver(sources) {
  const packages = new Map(workspaces().map(({ folder, manifest }) => [manifest.name, { folder, manifest }]));
  return (from, specifier) => {
    if (specifier === undefined) return {};
    if (specifier.startsWith('.')) {
      const target = path.posix.join(path.posix.dirname(from), specifier);
      const file = [target, target.replace(/\.js$/, '.ts')].find((name) => sources.has(name));
      // A data file beside the sources (package.json) is no module of ours, but it exists.
      return file || !fs.existsSync(path.join(ROOT, target)) ? { to: file } : { to: target };
    }
    if (specifier.startsWith('node:') || builtinModules.includes(specifier)) return { module: 'node:' };
    const module = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
    const workspace = packages.get(module);
    if (!workspace) return { module };
    const entry = workspace.manifest.exports?.[`.${specifier.slice(module.length)}`];
    const output = typeof entry === 'string' ? entry : entry?.default;
    const file =
      output && `${workspace.folder}/${output.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts').replace(/^\.\//, '')}`;
    return { module, to: sources.has(file) || file?.endsWith('package.json') ? file : undefined };
  };
}

/** Every edge that a walk from a file meets. */
export function edgesReachedFrom(graph, start) {
  const byFile = groupByFrom(graph.edges);
  const seen = new Set([start]);
  const reached = [];
  // A set's walk also visits what is added to it on the way.
  for (const file of seen) {
    for (const edge of byFile.get(file) ?? []) {
      reached.push(edge);
      if (edge.to) seen.add(edge.to);
    }
  }
  return reached;
}

function groupByFrom(edges) {
  const groups = new Map();
  for (const edge of edges) groups.set(edge.from, [...(groups.get(edge.from) ?? []), edge]);
  return groups;
}
