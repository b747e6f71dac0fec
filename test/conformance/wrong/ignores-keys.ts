import { z } from 'zod';
import { definePublisher } from '../../../src/adapter.js';
import { Store, classify, placed, stored } from './store.js';

/** Claims that the destination remembers keys; it does not. */
export const publisher = definePublisher({
  name: 'ignores-keys',
  version: '1',
  options: z.looseObject({}),
  create: ({ target }) => {
    const store = new Store(target);
    return {
      facts: { name: 'ignores-keys', class: 2, lookup: 'none', settleMs: 0, keyWindowMs: 3_600_000 },
      create: async (request) => ({ kind: 'ours', placed: placed(store.add(stored(request, true))) }),
      classify,
    };
  },
});
