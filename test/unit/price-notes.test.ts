// That costs will be a guess, or of unknown age, is told before the night.
import { expect, test } from 'vitest';
import { priceNotes } from '../../src/client/price-notes.js';
import { definitionSchema } from '../../src/contract/batch-file.js';

const PRICES = { input: 1, output: 1, cached: 1 };
const DATED = { ...PRICES, date: '2026-11-23' };
const CLAUDE = { agent: 'agent_1', environment: 'env_1' };
const UNDATED = /^agent\.with\.prices has no date/;

const notesOf = (agent: object) =>
  priceNotes(
    {
      definition: definitionSchema.parse({
        ...{ name: 'nightly', work: 'article', baseDir: '/' },
        agent: { prompt: 'Write.', ...agent },
        effects: [{ name: 'post', use: 'folder', target: './public' }],
      }),
    },
    { config: { stateDir: '/nowhere', env: {} } } as unknown as Parameters<typeof priceNotes>[1],
  );

test.each<readonly [string, object, RegExp[]]>([
  ['a model with a price', { use: 'antigravity', with: {} }, []],
  [
    'a model without one',
    { use: 'antigravity', with: { model: 'gemini-9-flash', reserve: 2 } },
    [/^no price of gemini-9-flash is known: each of its sessions is booked at 2 USD/],
  ],
  ['one whose price is given', { use: 'antigravity', with: { model: 'x', prices: DATED } }, []],
  ['prices without a date', { use: 'antigravity', with: { prices: PRICES } }, [UNDATED]],
  ['those of claude', { use: 'claude', with: { ...CLAUDE, prices: PRICES } }, [UNDATED]],
  ['those of a CLI', { use: 'command', preset: 'codex', with: { prices: PRICES } }, [UNDATED]],
  ['no prices at all', { use: 'claude', with: CLAUDE }, []],
  ['an agent that can’t be used', { use: 'claude', with: {} }, []],
])('of %s', async (_, agent, notes) => {
  const told = await notesOf(agent);
  expect(told).toHaveLength(notes.length);
  for (const [at, note] of notes.entries()) expect(told[at]).toMatch(note);
});
