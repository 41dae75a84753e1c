// npm run bench -- [--quick] [--only NAME,...] [--against REF] [--json FILE]
import { run } from './child.mjs';
import { setup } from './setup.mjs';

await setup();
process.exitCode = await run(process.execPath, ['bench/dist/main.js', ...process.argv.slice(2)]);
