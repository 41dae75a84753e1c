import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Only tests and examples use decorators; tsyringe needs the metadata that the legacy form emits.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    include: ['packages/*/test/**/*.{test,model}.ts', 'tests/**/*.{test,model}.ts', 'scripts/test/*.test.mjs'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'] },
  },
});
