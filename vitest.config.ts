import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const STORM = 'test/e2e/start-storm.test.ts';
const REAL = ['test/e2e/**/*.test.ts', 'test/crash/**/*.test.ts'];
const DESTINATIONS = ['test/destinations/**/*.test.ts', 'test/conformance/**/*.test.ts'];

/** Those that take a minute and more, the longest first: begun last, each would end alone. */
const LONGEST = [
  'managed-agents',
  'approval',
  'schedules',
  'points',
  'provider-points',
  'random-kills',
  'control',
  'effects',
  'two-workers-postgres',
  'start-again',
  'batch',
  'services',
  'edited-and-shared',
  'package',
  'pause',
  'cli',
  'ledger-postgres',
  'alerts',
  'wordpress',
  'ghost',
  'destination-down',
].map((name) => `/${name}.test.ts`);

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const place = LONGEST.findIndex((ending) => moduleId.endsWith(ending));
      return place < 0 ? LONGEST.length : place;
    };
    return (await super.sort(files)).sort((a, b) => placeOf(a) - placeOf(b));
  }
}

/** Groups run one after another, the files of one group beside each other. */
const group = (
  name: string,
  groupOrder: number,
  maxWorkers: number,
  include: string[],
  { exclude = [] as string[], testTimeout = 240_000 } = {},
) => ({
  extends: true as const,
  test: { name, include, exclude, maxWorkers, testTimeout, sequence: { groupOrder } },
});

// Timeouts tell what hangs from what a busy machine does slowly; no test relies on them.
export default defineConfig({
  test: {
    // The native core of the Temporal SDK must not be loaded by two threads of one process.
    pool: 'forks',
    setupFiles: ['test/support/seed.ts'],
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000 } },
    sequence: { sequencer: LongestFirst },
    projects: [
      group('pure', 0, 2, ['test/**/*.test.ts'], {
        exclude: [...REAL, ...DESTINATIONS],
        testTimeout: 120_000,
      }),
      // Two cores, and a third of the time is spent waiting for agents, servers and clocks.
      group('real', 1, 3, REAL, { exclude: [STORM] }),
      group('destinations', 1, 3, DESTINATIONS),
      // Fifty and more processes at once leave no room for anything beside them.
      group('storm', 2, 1, [STORM]),
    ],
  },
});
