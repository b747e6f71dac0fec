// What an adapter answers decides whether something is sent: it is checked before it is believed.
import { expect, test } from 'vitest';
import { asked } from '../../src/activities/ask-publisher.js';
import type { FoundEffect, Publisher } from '../../src/activities/publishers/publisher.js';
import { AdapterError } from '../../src/contract/errors.js';

const pinboard: Publisher = {
  facts: { name: 'pinboard', class: 3, lookup: 'exact', settleMs: 0 },
  create: async () => ({ kind: 'absent' }),
  classify: (error) => new AdapterError('transient', String(error)),
};
const ask = (answer: unknown) => asked(pinboard, 'lookup', async () => answer as FoundEffect);

test.each([
  ['ours without what was found', { kind: 'ours' }, /pinboard.*lookup.*placed/],
  ['a word of its own', { kind: 'maybe' }, /pinboard.*lookup/],
  ['nothing', undefined, /pinboard.*lookup/],
])('an answer that the port does not know is trouble of the configuration: %s', async (_, answer, text) => {
  await expect(ask(answer)).rejects.toThrow(text);
  await expect(ask(answer)).rejects.toMatchObject({ errorClass: 'config' });
});

test('an answer that the port knows is passed on as it is', async () => {
  const placed = { id: '1', sha256: 'a'.repeat(64), visible: true };
  await expect(ask({ kind: 'ours', placed })).resolves.toEqual({ kind: 'ours', placed });
});
