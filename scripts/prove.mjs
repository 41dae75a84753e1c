// npm run prove -- [NAME...] [--full | --count N] [--seed S] [--json FILE]
import { run } from './child.mjs';
import { setup } from './setup.mjs';

await setup();
process.exitCode = await run(process.execPath, ['tests/dist/prove/main.js', ...process.argv.slice(2)]);
