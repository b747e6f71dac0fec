import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // The native core of the Temporal SDK must not be loaded by two threads of one process.
    pool: 'forks',
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
