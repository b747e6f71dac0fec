import { definitionSchema, type Definition } from '../../src/contract/batch-file.js';

/** Of a batch whose agent and effect nobody looks at. @param more whatever the test is about */
export const aDefinition = (baseDir: string, more: object = {}): Definition =>
  definitionSchema.parse({
    ...{ name: 'nightly', work: 'article', baseDir },
    agent: { use: 'command', command: ['true'] },
    effects: [{ name: 'post', use: 'folder', target: './public' }],
    ...more,
  });
