import { z } from 'zod';
import { definePublisher } from '../../../src/adapter.js';
import { Store, classify, placed, stored } from './store.js';

/** Makes drafts, and its look-up sees only what is public. */
export const publisher = definePublisher({
  name: 'blind-to-drafts',
  version: '1',
  options: z.looseObject({}),
  create: ({ target }) => {
    const store = new Store(target);
    return {
      facts: { name: 'blind-to-drafts', class: 3, lookup: 'exact', settleMs: 0 },
      lookup: async (request) => {
        const found = store.all().find(({ key, visible }) => key === request.effectKey && visible);
        return found ? { kind: 'ours', placed: placed(found) } : { kind: 'absent' };
      },
      create: async (request) => ({ kind: 'ours', placed: placed(store.add(stored(request, false))) }),
      reveal: async ({ id }) => placed(store.show(id)),
      discard: async () => undefined,
      classify,
    };
  },
});
