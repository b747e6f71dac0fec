import { z } from 'zod';
import { definePublisher } from '../../../src/adapter.js';
import { Store, classify, nameOf, placed, stored } from './store.js';

/** Claims to take a name only when it is free, and overwrites what is there. */
export const publisher = definePublisher({
  name: 'overwrites',
  version: '1',
  options: z.looseObject({}),
  create: ({ target }) => {
    const store = new Store(target);
    return {
      facts: { name: 'overwrites', class: 1, lookup: 'exact', settleMs: 0 },
      lookup: async (request) => {
        const found = store.all().find(({ key }) => key === request.effectKey);
        return found ? { kind: 'ours', placed: placed(found) } : { kind: 'absent' };
      },
      create: async (request) => {
        const there = store.all().find(({ name }) => name === nameOf(request));
        const put = there
          ? store.put({ ...stored(request, true), id: there.id })
          : store.add(stored(request, true));
        return { kind: 'ours', placed: placed(put) };
      },
      classify,
    };
  },
});
