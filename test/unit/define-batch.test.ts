// A batch in code is the batch of a file with the same fields: same keys, same checks, same words.
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createNightshift, defineBatch, InvalidBatch, type BatchDefinition } from '../../src/index.js';
import { formatProblem } from '../../src/contract/errors.js';

const dir = mkdtempSync(join(tmpdir(), 'nightshift-defined-'));
const state = join(dir, 'state');

const nightly: BatchDefinition = {
  name: 'nightly',
  work: 'article',
  identity: ['slug'],
  jobs: [{ slug: 'one' }, { slug: 'two', title: 'Two' }],
  agent: { use: 'command', command: ['sh'], prompt: undefined },
  effects: [{ name: 'post', use: 'folder', target: './public', with: { path: '{{ slug }}.md' } }],
};

async function problemsOf(definition: object): Promise<string[]> {
  const nightshift = createNightshift({ state, env: {} });
  try {
    await nightshift.read(defineBatch(definition as BatchDefinition, { baseDir: dir }));
    return [];
  } catch (error) {
    if (!(error instanceof InvalidBatch)) throw error;
    return error.problems.map((problem) => formatProblem(problem).split('\n')[0] ?? '');
  } finally {
    await nightshift.close();
  }
}

test('a batch in code has the keys and the settings of a file with the same fields, and can be planned', async () => {
  const file = join(dir, 'batch.yaml');
  writeFileSync(file, JSON.stringify(nightly));
  const nightshift = createNightshift({ state, env: {} });
  const written = await nightshift.read(file);
  const defined = await nightshift.read(defineBatch(nightly, { baseDir: dir }));
  const { fileName: _, ...settings } = written.definition;
  expect(defined.definition).toEqual(settings);
  expect(defined.workflowId).toBe(written.workflowId);
  const described = ({ jobs }: typeof defined) => jobs.map(({ file: __, line: ___, ...job }) => job);
  expect(described(defined)).toEqual(described(written));
  const plan = await nightshift.plan(defined);
  expect(plan.counts).toMatchObject({ new: 2 });
  await nightshift.close();
});

test('a list of jobs in a file starts at baseDir, not in the working directory', async () => {
  writeFileSync(join(dir, 'jobs.csv'), 'slug\none\n');
  const nightshift = createNightshift({ state, env: {} });
  const { jobs } = await nightshift.read(defineBatch({ ...nightly, jobs: './jobs.csv' }, { baseDir: dir }));
  expect(jobs.map(({ identity, file, line }) => [identity['slug'], existsSync(file), line])).toEqual([
    ['one', true, 2],
  ]);
  await nightshift.close();
});

test('what is wrong is said by the name of the batch, and of a job by its number in the list', async () => {
  expect(await problemsOf({ ...nightly, timout: '1h' })).toEqual([
    'batch "nightly": timout is no field that can stand here',
  ]);
  expect(await problemsOf({ ...nightly, jobs: [{ slug: 'one' }, { title: 'x' }] })).toEqual([
    'jobs:2: the identity field "slug" is missing',
  ]);
  expect(await problemsOf({ ...nightly, jobs: [{ slug: 'one' }, { slug: 'one' }] })).toEqual([
    'jobs:2: one job is listed 2 times, at jobs:1 and jobs:2: "one"',
  ]);
});

test('what JSON does not hold is refused at its place: it would be something else when the run reads it', async () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  const due = new Date(0);
  expect(await problemsOf({ ...nightly, jobs: [{ slug: 'one', due, write: () => 'x', size: NaN }] })).toEqual(
    [
      'batch "nightly": jobs[0].due is a Date, which is no JSON value',
      'batch "nightly": jobs[0].write is a function, which is no JSON value',
      'batch "nightly": jobs[0].size is NaN, which is no JSON number',
    ],
  );
  expect((await problemsOf({ ...nightly, agent: circle }))[0]).toContain('nested too deeply, or in a circle');
});
