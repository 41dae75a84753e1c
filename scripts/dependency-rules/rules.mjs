import { cyclicEdges } from './cycles.mjs';
import { edgesReachedFrom } from './graph.mjs';

// A rule answers the edges that break it. Each of its plants is a map from file to text, appended where the file
// exists: the check first adds each to the real sources and fails unless the rule then names an edge of it.

const CORE = 'packages/core/src/';
const ADVICE = 'packages/core/src/advice/';
const DI = 'packages/core/src/di/';
const CONTRACT = 'packages/core/src/contract/';
const CONTRACT_ENTRY = 'packages/core/src/contract/index.ts';

// An optional package, which core does without; and the plugins that a caller names, in a process that is there for that.
const ASK_BY_NAME = [`${CORE}control/native.ts`, `${CORE}advice/plugin-source.ts`];

const isTransport = (name) => name?.startsWith('@busbar/transport-');
const isDbusClient = (name) => /dbus/.test(name ?? '') && !name.startsWith('@busbar/');
const packageOf = (file) => file?.match(/^(packages|examples)\/[^/]+/)[0];
const filter = (test) => (graph) => graph.edges.filter(test);

/** Only files under some folders may import some modules. */
const only = (folders, isModule) =>
  filter(({ from, module }) => isModule(module) && !folders.some((folder) => from.startsWith(folder)));

/** What an entry of a package leads to, through any number of files. */
const reached = (entry, test) => (graph) => edgesReachedFrom(graph, graph.resolve('', entry).to).filter(test);

export const RULES = [
  {
    name: 'every import leads somewhere',
    violations: filter(
      ({ specifier, to, module }) => (specifier?.startsWith('.') && !to) || (module?.startsWith('@busbar/') && !to),
    ),
    plants: [
      { [`${CORE}planted.ts`]: "import './missing.ts';" },
      { 'packages/native/src/planted.ts': "import '@busbar/core/missing';" },
    ],
  },
  {
    name: 'shipped sources name what they import',
    violations: filter(
      ({ from, specifier, form }) =>
        from.startsWith('packages/') &&
        !from.startsWith('packages/conformance/') &&
        !ASK_BY_NAME.includes(from) &&
        (specifier === undefined || form === 'require' || specifier === 'node:module'),
    ),
    plants: [
      { [`${CORE}planted.ts`]: 'export const load = (name: string) => import(name);' },
      { [`${CORE}planted.ts`]: "import { createRequire } from 'node:module';" },
    ],
  },
  {
    name: 'a relative import stays in its package',
    violations: filter(
      ({ from, to, specifier }) => specifier?.startsWith('.') && to && packageOf(from) !== packageOf(to),
    ),
    plants: [{ 'packages/native/src/planted.ts': "import '../../core/src/contract/index.ts';" }],
  },
  {
    name: 'core imports no transport',
    violations: filter(
      ({ from, module, to }) => from.startsWith(CORE) && (isTransport(module) || to?.startsWith('packages/transport-')),
    ),
    plants: [
      { [`${CORE}planted.ts`]: "import '@busbar/transport-memory';" },
      { [`${CORE}planted.ts`]: "export type { x } from '@busbar/transport-uds';" },
      { [`${CORE}planted.ts`]: "await import('@busbar/transport-not-yet-written');" },
      { [`${CORE}planted.ts`]: "import '../../transport-memory/src/index.ts';" },
    ],
  },
  {
    name: 'nothing else in core knows of core/advice',
    violations: filter(({ from, to }) => from.startsWith(CORE) && !from.startsWith(ADVICE) && to?.startsWith(ADVICE)),
    plants: [
      { [`${CORE}index.ts`]: "\nexport * from './advice/index.ts';" },
      { [`${CORE}planted.ts`]: "import type { Need } from './advice/need.ts';" },
    ],
  },
  {
    name: 'core/contract imports only itself',
    // Node's own modules are no dependency: zlib has the checksum.
    violations: filter(
      ({ from, to, module }) => from.startsWith(CONTRACT) && !to?.startsWith(CONTRACT) && module !== 'node:',
    ),
    plants: [
      { [`${CONTRACT}planted.ts`]: "import type { x } from '../index.ts';" },
      { [`${CONTRACT}planted.ts`]: "import 'eventemitter3';" },
    ],
  },
  {
    name: 'a transport imports no other transport',
    violations: filter(
      ({ from, to, module }) =>
        from.startsWith('packages/transport-') &&
        (isTransport(module) || to?.startsWith('packages/transport-')) &&
        packageOf(from) !== packageOf(to),
    ),
    plants: [
      { 'packages/transport-memory/src/planted.ts': "import '@busbar/transport-uds';" },
      { 'packages/transport-uds/src/planted.ts': "type M = import('@busbar/transport-memory').M;" },
      { 'packages/transport-uds/src/planted.ts': "import '../../transport-memory/src/index.ts';" },
    ],
  },
  {
    name: 'a plugin sees the contract only',
    violations: filter(
      ({ from, to, module }) =>
        /^packages\/(native|ring|transport-[^/]+)\//.test(from) && module === '@busbar/core' && to !== CONTRACT_ENTRY,
    ),
    plants: [
      { 'packages/transport-memory/src/planted.ts': "import '@busbar/core';" },
      { 'packages/native/src/planted.ts': "import type { x } from '@busbar/core/testing';" },
    ],
  },
  {
    name: 'only native imports koffi',
    violations: only(['packages/native/'], (name) => name === 'koffi'),
    plants: [{ 'packages/transport-uds/src/planted.ts': "import koffi from 'koffi';" }],
  },
  {
    name: 'only core imports eventemitter3 and msgpackr',
    violations: only([CORE, 'bench/src/floor/'], (name) => name === 'eventemitter3' || name === 'msgpackr'),
    plants: [
      { 'packages/transport-uds/src/planted.ts': "import { pack } from 'msgpackr';" },
      { 'packages/transport-memory/src/planted.ts': "import type { EventEmitter } from 'eventemitter3';" },
    ],
  },
  {
    name: 'only core/di imports tsyringe',
    violations: only([DI, 'examples/di-app/'], (name) => name === 'tsyringe' || name === 'reflect-metadata'),
    plants: [
      { [`${CORE}planted.ts`]: "import type { DependencyContainer } from 'tsyringe';" },
      { 'examples/survey/src/planted.ts': "import 'reflect-metadata';" },
    ],
  },
  {
    name: 'only transport-dbus imports a D-Bus client',
    violations: only(['packages/transport-dbus/'], isDbusClient),
    plants: [{ 'packages/transport-uds/src/planted.ts': "import 'dbus-next';" }],
  },
  {
    name: 'conformance imports the contract and vitest only',
    violations: filter(
      ({ from, to, module, specifier }) =>
        from.startsWith('packages/conformance/') &&
        // The plugin under test comes by name, from the test file's own packages.
        specifier !== undefined &&
        !(
          packageOf(to) === 'packages/conformance' ||
          to === CONTRACT_ENTRY ||
          module === 'vitest' ||
          module === 'node:'
        ),
    ),
    plants: [
      { 'packages/conformance/src/planted.ts': "import type { x } from '@busbar/core';" },
      { 'packages/conformance/src/planted.ts': "import '@busbar/transport-memory';" },
      { 'packages/conformance/src/planted.ts': "import 'fast-check';" },
    ],
  },
  {
    name: 'conformance/chaos and /control work without a test runner',
    violations: (graph) =>
      ['chaos', 'control'].flatMap((entry) =>
        reached(`@busbar/conformance/${entry}`, ({ module }) => module === 'vitest')(graph),
      ),
    plants: [
      {
        'packages/conformance/src/chaos/index.ts': "\nimport '../planted.ts';",
        'packages/conformance/src/planted.ts': "import 'vitest';",
      },
    ],
  },
  {
    name: "core's main entry reaches no native code and no container",
    violations: reached(
      '@busbar/core',
      ({ to, module }) =>
        (module !== undefined && !['node:', 'eventemitter3', 'msgpackr'].includes(module)) || to?.endsWith('.node'),
    ),
    plants: [
      { [`${CORE}index.ts`]: "\nimport './planted.ts';", [`${CORE}planted.ts`]: "import '@busbar/native';" },
      { [`${CORE}index.ts`]: "\nimport './planted.ts';", [`${CORE}planted.ts`]: "await import('tsyringe');" },
    ],
  },
  {
    // Types that name each other are erased; modules that load each other are not.
    name: 'no cycles of files at run time',
    violations: (graph) =>
      cyclicEdges(
        graph.files,
        graph.edges.filter(({ form }) => form !== 'type'),
      ),
    plants: [
      {
        [`${CORE}planted-a.ts`]: "export * from './planted-b.ts';",
        [`${CORE}planted-b.ts`]: "import { type x } from './planted-a.ts';",
      },
      { 'packages/native/src/planted.ts': "import './planted.ts';" },
    ],
  },
  {
    name: 'no cycles of packages, types included',
    violations: (graph) => {
      const between = graph.edges.map((edge) => ({ edge, from: packageOf(edge.from), to: packageOf(edge.to) }));
      const cyclic = cyclicEdges(
        new Set(graph.files.map(packageOf)),
        between.filter(({ from, to }) => from !== to),
      );
      return cyclic.map(({ edge }) => edge);
    },
    plants: [
      {
        [`${CORE}planted.ts`]: "import type { x } from '@busbar/native';",
        'packages/native/src/planted.ts': "import type { y } from '@busbar/core/contract';",
      },
    ],
  },
];
