// npm test [-- vitest arguments]
import { closingLine, runTests } from './run-tests.mjs';
import { trySetup } from './setup.mjs';

const code = await trySetup();
// What does not build has no tests to count, but it must not close without a failure.
const result = code === 0 ? await runTests(process.argv.slice(2)) : { passed: 0, failed: 1, skipped: 0, code };
console.log(closingLine(result));
process.exitCode = result.code;
