// `tsc -b` builds only what is referenced, in the order of the references: a forgotten one builds here and fails in a fresh clone.
import path from 'node:path';
import { ROOT } from '../paths.mjs';
import { readJson, workspaces } from '../workspaces.mjs';

const packages = workspaces();
const folders = new Map(packages.map(({ folder, manifest }) => [manifest.name, folder]));
const problems = [];

// What `tests` compiles are its campaigns.
const projectOf = (folder) => (folder === 'tests' ? 'tests/prove' : folder);
const expectReferences = (project, file, wanted) => {
  const { references = [] } = readJson(path.join(ROOT, project, file));
  const found = new Set(references.map((each) => path.posix.join(project, each.path)));
  for (const each of wanted) if (!found.has(each)) problems.push(`${project}/${file} lacks a reference to ${each}`);
};

const all = packages.map(({ folder }) => projectOf(folder));
expectReferences('.', 'tsconfig.json', all);
expectReferences(
  '.',
  'tsconfig.test.json',
  all.filter((folder) => !/^(bench|examples)/.test(folder)),
);
for (const { folder, manifest } of packages) {
  const names = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter((name) =>
    folders.has(name),
  );
  expectReferences(
    projectOf(folder),
    'tsconfig.json',
    names.map((name) => folders.get(name)),
  );
}

for (const problem of problems) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
