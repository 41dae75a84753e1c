// npm start [-- DIR ...]: DIR is relative to where the person stands; npm itself moves to the root.
import path from 'node:path';
import { run } from './child.mjs';
import { ROOT } from './paths.mjs';
import { setup } from './setup.mjs';

await setup();
const [folder, ...rest] = process.argv.slice(2);
const from = process.env.INIT_CWD ?? process.cwd();
// An option in first place means that no folder was given.
const args =
  folder === undefined || folder.startsWith('-') ? process.argv.slice(2) : [path.resolve(from, folder), ...rest];
process.exitCode = await run(process.execPath, [path.join(ROOT, 'examples/survey/dist/main.js'), ...args], {
  cwd: from,
});
