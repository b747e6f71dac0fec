// A budget that would hold nothing, or let nothing start, is told of before the night, not by the bill.
import { expect, test } from 'vitest';
import { blindBudget } from '../../src/client/blind-budget.js';
import { tooSmallBudget } from '../../src/client/too-small-budget.js';
import type { Connections } from '../../src/client/connections.js';
import { definitionSchema } from '../../src/contract/batch-file.js';
import type { SessionEnd, Usage } from '../../src/ledger/ledger.js';
import { aLedger, claimed, NO_USAGE, openBatch, sessionOf, startedSession, WORK } from './ledger-fixture.js';

const MONEY = { perBatch: 20 };

async function told({ budget = MONEY, ends = [] }: { budget?: object; ends?: readonly Partial<Usage>[] }) {
  const { ledger } = await aLedger();
  const slugs = ends.map((_, at) => `job-${at}`);
  await openBatch(ledger, slugs);
  for (const [at, usage] of ends.entries()) {
    const slug = `job-${at}`;
    const claim = await claimed(ledger, slug);
    await startedSession(ledger, slug, claim);
    const end: SessionEnd = {
      state: 'collected',
      artifact: { sha256: 'a'.repeat(64), bytes: 1 },
      usage: { ...NO_USAGE, ...usage },
    };
    await ledger.endSession(sessionOf(slug, 1), end, claim.fence);
  }
  const definition = definitionSchema.parse({
    ...{ name: 'nightly', work: WORK, baseDir: '/', budget },
    agent: { use: 'command', command: ['echo', 'text'] },
    effects: [{ name: 'post', use: 'folder', target: './public' }],
  });
  const connections = { config: { stateDir: '/nowhere', env: {} }, ledger: async () => ledger };
  return blindBudget({ definition }, connections as unknown as Connections);
}

const SILENT: Partial<Usage> = { costSource: 'none' };
const TELLS: Partial<Usage> = { costSource: 'reported', costMicros: 7 };

test('of an agent none of whose sessions has ever told a cost', async () => {
  expect(await told({ ends: [SILENT, SILENT] })).toEqual([
    'none of the last sessions of article that command has delivered (2) told what it cost, and the budget holds none that tells nothing: bound the batch by budget.sessions as well, which counts them',
  ]);
});

test.each([
  ['an agent that has not run yet', { ends: [] }],
  ['one that told a cost once', { ends: [SILENT, TELLS] }],
  ['a batch that counts its sessions', { ends: [SILENT], budget: { ...MONEY, sessions: 9 } }],
  ['a budget of nothing', { ends: [SILENT], budget: {} }],
])('nothing is said of %s', async (_, night) => {
  expect(await told(night)).toEqual([]);
});

test.each([
  [{ maxBudget: 2 }, { perBatch: 1 }, 'budget.perBatch'],
  [{}, { perJob: 1, perSession: 2 }, 'budget.perJob'],
  [{ maxBudget: 0.5 }, { perBatch: 1, perSession: 2 }, undefined], // the cap is what is set aside
  [{}, undefined, undefined],
])('of an agent with %j over %j: that nothing can ever start', async (options, budget, named) => {
  const definition = definitionSchema.parse({
    ...{ name: 'nightly', work: WORK, baseDir: '/', ...(budget && { budget }) },
    agent: { use: 'command', prompt: 'Write.', with: { preset: 'claude-code', ...options } },
    effects: [{ name: 'post', use: 'folder', target: './public' }],
  });
  const config = { stateDir: '/nowhere', env: {} };
  const said = await tooSmallBudget({ definition }, { config } as unknown as Connections);
  expect(said).toEqual(
    named === undefined ? [] : [expect.stringMatching(`^no session can ever start: 2 USD .*raise ${named}`)],
  );
});
