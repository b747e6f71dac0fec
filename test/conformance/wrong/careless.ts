import { z } from 'zod';
import { AdapterError, definePublisher } from '../../../src/adapter.js';
import { Store, classify, nameOf, placed, stored } from './store.js';

/**
 * Looks by putting something there, takes a look-up that was refused for one that found nothing, lets dead credentials
 * pass, and takes away whatever has the name.
 */
export const publisher = definePublisher({
  name: 'careless',
  version: '1',
  options: z.looseObject({ token: z.string() }),
  create: ({ target, options }) => {
    const store = new Store(target);
    const mayLook = options.token !== 'blind-token';
    return {
      facts: { name: 'careless', class: 3, lookup: 'exact', settleMs: 0, unpublish: 'delete' },
      lookup: async (request) => {
        const found = mayLook && store.all().find(({ key }) => key === request.effectKey);
        if (found) return { kind: 'ours', placed: placed(found) };
        const { effectKey: key } = request;
        if (nameOf(request) === 'never-sent') store.add({ name: 'a look', key, visible: true, text: '' });
        return { kind: 'absent' };
      },
      create: async (request) => ({ kind: 'ours', placed: placed(store.add(stored(request, true))) }),
      unpublish: async (request) => {
        const there = store.all().filter(({ name }) => name === nameOf(request));
        if (there.length === 0) throw new AdapterError('invalid', 'it is not there');
        for (const { id } of there) store.take(id);
      },
      classify,
    };
  },
});
