// Holds the imports of the shipped sources to the house's rules, after proving that each rule catches its plants.
import { buildGraph, readSources } from '../dependency-rules/graph.mjs';
import { RULES } from '../dependency-rules/rules.mjs';

const sources = readSources();
const parsed = new Map();
const graph = buildGraph(sources, parsed);
const problems = [];

for (const { name, violations, plants } of RULES) {
  for (const plant of plants) {
    const planted = new Map(sources);
    for (const [file, text] of Object.entries(plant)) planted.set(file, `${sources.get(file) ?? ''}${text}`);
    const caught = violations(buildGraph(planted, new Map(parsed))).some(({ from }) => from in plant);
    if (!caught) problems.push(`the rule "${name}" misses its plant ${JSON.stringify(plant)}`);
  }
  for (const { from, line, specifier } of violations(graph)) {
    problems.push(`${from}:${line} imports ${specifier ?? 'a computed name'}, against "${name}"`);
  }
}

for (const problem of problems) console.log(problem);
console.log(`${graph.files.length} files, ${graph.edges.length} imports, ${RULES.length} rules`);
process.exitCode = problems.length > 0 ? 1 : 0;
