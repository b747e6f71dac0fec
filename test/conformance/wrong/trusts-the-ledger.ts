import { z } from 'zod';
import { definePublisher } from '../../../src/adapter.js';
import { Store, classify, placed, stored } from './store.js';

/** Looks for a draft that it has not made just now only where the ledger tells of an earlier try. */
export const publisher = definePublisher({
  name: 'trusts-the-ledger',
  version: '1',
  options: z.looseObject({}),
  create: ({ target }) => {
    const store = new Store(target);
    let justMade = '';
    return {
      facts: { name: 'trusts-the-ledger', class: 3, lookup: 'exact', settleMs: 0 },
      lookup: async ({ effectKey, sentBefore }) => {
        const ours = store.all().filter(({ key }) => key === effectKey);
        const found = ours.find(({ id, visible }) => visible || sentBefore || id === justMade);
        return found ? { kind: 'ours', placed: placed(found) } : { kind: 'absent' };
      },
      create: async (request) => {
        const draft = store.add(stored(request, false));
        justMade = draft.id;
        return { kind: 'ours', placed: placed(draft) };
      },
      reveal: async ({ id }) => placed(store.show(id)),
      discard: async ({ id }) => store.take(id),
      classify,
    };
  },
});
