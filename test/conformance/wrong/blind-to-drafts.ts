import { z } from 'zod';
import { AdapterError, definePublisher } from '../../../src/adapter.js';
import { Store, placed, stored } from './store.js';

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
      reveal: async (hidden) => {
        const draft = store.all().find(({ id }) => id === hidden.id);
        if (!draft) throw new AdapterError('lost', 'no such draft', { sent: 'rejected' });
        return placed(store.put({ ...draft, visible: true }));
      },
      discard: async () => undefined,
      classify: (error) =>
        error instanceof AdapterError ? error : new AdapterError('bug', String(error), {}, { cause: error }),
    };
  },
});
