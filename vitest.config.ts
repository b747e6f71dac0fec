import { defineConfig } from 'vitest/config';

const STORM = 'test/e2e/start-storm.test.ts';
const REAL = ['test/e2e/**/*.test.ts', 'test/crash/**/*.test.ts'];
/** Real destinations: each server needs the machine for itself. */
const DESTINATIONS = ['test/destinations/**/*.test.ts', 'test/conformance/**/*.test.ts'];

/** Groups run one after another, the files of one group beside each other. */
const group = (
  name: string,
  groupOrder: number,
  include: string[],
  exclude: string[] = [],
  maxWorkers = 2,
) => ({
  extends: true as const,
  test: { name, include, exclude, maxWorkers, sequence: { groupOrder } },
});

export default defineConfig({
  test: {
    // The native core of the Temporal SDK must not be loaded by two threads of one process.
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      group('pure', 0, ['test/**/*.test.ts'], [...REAL, ...DESTINATIONS]),
      group('real', 1, REAL, [STORM]),
      group('destinations', 2, DESTINATIONS),
      // A hundred processes at once leave no room for anything beside them.
      group('storm', 3, [STORM], [], 1),
    ],
  },
});
