import { z } from 'zod';
import { definePublisher } from '../../../src/adapter.js';
import { Store, classify, placed, stored } from './store.js';

/** Claims to know its own objects, and never finds one. */
export const publisher = definePublisher({
  name: 'forgets-its-own',
  version: '1',
  options: z.looseObject({}),
  create: ({ target }) => {
    const store = new Store(target);
    return {
      facts: { name: 'forgets-its-own', class: 1, lookup: 'exact', settleMs: 0 },
      lookup: async () => ({ kind: 'absent' }),
      create: async (request) => ({ kind: 'ours', placed: placed(store.add(stored(request, true))) }),
      classify,
    };
  },
});
