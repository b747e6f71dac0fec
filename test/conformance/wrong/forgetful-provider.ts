// A provider that is wrong on purpose: it starts again whatever it did before, takes nothing for a result, shows its key,
// lets errors through, and tells another usage each time.
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { defineProvider, type SessionHandle } from '../../../src/activities/providers/provider.js';
import type { ProviderSubject } from '../../../src/testing/index.js';

/** The kit loads this module by its path, which makes another instance of it than the test has: both share the list. */
const LIST = Symbol.for('nightshift.test.forgetful');
const started = ((globalThis as Record<symbol, unknown>)[LIST] ??= []) as string[];
let asked = 0;
const nameOf = ({ runKey, attempt }: { runKey: string; attempt: number }) => `${runKey} ${attempt}`;

export const provider = defineProvider({
  name: 'forgetful',
  version: '1',
  options: z.strictObject({}),
  create: ({ secret }) => ({
    facts: {
      name: 'forgetful',
      find: 'exact',
      startIsIdempotent: false,
      survivesWorkerLoss: true,
      cost: 'none',
    },
    find: async () => ({ kind: 'none' }),
    start: async ({ runKey, attempt }, _known, context) => {
      started.push(nameOf({ runKey, attempt }));
      const ids = { session: `session-${started.length}`, key: secret('${env:FORGETFUL_KEY}') };
      const handle: SessionHandle = { v: 1, provider: 'forgetful', runKey, attempt, ids };
      await context.save(handle);
      return handle;
    },
    poll: async () => ({ kind: 'succeeded' }),
    cancel: async () => undefined,
    collect: async () => ({ content: new Uint8Array() }),
    usage: async () => ({
      inputTokens: 0.5,
      outputTokens: ++asked,
      cachedTokens: 0,
      costMicros: 0,
      costSource: 'none',
    }),
    classify: (error) => {
      throw error;
    },
  }),
});

export const forgetfulSubject: ProviderSubject = {
  kind: 'provider',
  name: 'forgetful',
  open: async () => ({
    use: fileURLToPath(import.meta.url),
    options: () => ({}),
    behaviours: ['good', 'empty'],
    env: { FORGETFUL_KEY: 'planted-key-of-forgetful' },
    count: async (run) => ({ started: started.filter((name) => name === nameOf(run)).length, open: 0 }),
    close: async () => undefined,
  }),
};
