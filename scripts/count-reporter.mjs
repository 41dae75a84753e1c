import fs from 'node:fs';
import path from 'node:path';
import { skipReason } from './skips.mjs';

/**
 * A vitest reporter that counts a run for its closing line and says why each skipped test was skipped.
 * The counts go to the file named by BUSBAR_COUNTS: vitest still prints after its reporters have ended.
 */
export default class CountReporter {
  onInit(vitest) {
    this.vitest = vitest;
  }

  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) countModule(module, counts, (test) => this.note(test, counts));
    // An error outside any test fails the run, so it counts.
    counts.failed += unhandledErrors.length;
    fs.writeFileSync(process.env.BUSBAR_COUNTS, JSON.stringify(counts));
  }

  note(test, counts) {
    const name = `${path.relative(this.vitest.config.root, test.module.moduleId)} > ${test.fullName}`;
    const { mode } = test.options;
    // A person's own -t filter leaves tests out on purpose: nothing to explain.
    if (this.vitest.config.testNamePattern && mode === 'skip' && !test.result().note) return;
    const { reason, expected } = skipReason(name, test.result().note);
    counts.skipped += 1;
    console.log(`skipped: ${name}: ${reason ?? 'no reason given'}`);
    if (expected || !process.env.CI) return;
    console.log(`unexpected skip (scripts/expected-skips.json does not list it): ${name}`);
    counts.failed += 1;
  }
}

function countModule(module, counts, onSkip) {
  const failedBefore = counts.failed;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === 'passed') counts.passed += 1;
    else if (state === 'skipped') onSkip(test);
    // A test that never came to an end ('pending') has failed.
    else counts.failed += 1;
  }
  for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
  counts.failed += module.errors().length;
  if (module.state() === 'failed' && counts.failed === failedBefore) counts.failed += 1;
}
