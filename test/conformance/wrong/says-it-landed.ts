import { z } from 'zod';
import { definePublisher } from '../../../src/adapter.js';
import { classify, placed, stored } from './store.js';

/** Says that it landed when nothing is there. */
export const publisher = definePublisher({
  name: 'says-it-landed',
  version: '1',
  options: z.looseObject({}),
  create: () => {
    return {
      facts: { name: 'says-it-landed', class: 4, lookup: 'none', settleMs: 0 },
      create: async (request) => ({ kind: 'ours', placed: placed({ id: '1', ...stored(request, true) }) }),
      classify,
    };
  },
});
