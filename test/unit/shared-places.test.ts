import { expect, test } from 'vitest';
import { SharedPlaces } from '../../src/batch/shared-places.js';
import type { Effect, PlacedJob } from '../../src/contract/job.js';

const jobs = ['one', 'two'].map(
  (slug, index) => ({ identity: { slug }, file: 'batch.yaml', line: index + 4 }) as unknown as PlacedJob,
);

function problemsOf(use: string, target: string, both: object, ...each: [object, object]): string[] {
  const places = new SharedPlaces();
  for (const [index, job] of jobs.entries())
    places.add(job, { name: 'post', use, target, with: { ...both, ...each[index] } } as unknown as Effect);
  return places.problems().map(({ message, hint }) => `${message}; ${hint}`);
}

const SHARED =
  'effect "post" of "two" has the place of "one" (batch.yaml:4): "a.md" at "t"; make path from a field that tells the jobs apart';

test.each<[use: string, both: object, ...each: [object, object]]>([
  ['git', { path: 'a.md' }, { branch: 'one' }, { branch: 'two' }],
  ['s3', { key: 'a.md' }, { endpoint: 'https://one.test' }, { endpoint: 'https://two.test' }],
  ['azure-blob', { key: 'a.md' }, { container: 'one' }, { container: 'two' }],
  ['wordpress', { slug: 'a' }, { url: 'https://one.test' }, { url: 'https://two.test' }],
  ['wordpress', { slug: 'a', url: 'https://one.test' }, { restPath: '/wp/v2/pages' }, {}],
  ['ghost', { slug: 'a' }, { url: 'https://one.test' }, { url: 'https://two.test' }],
])('%s: one name is two places where something else tells them apart', (use, both, ...each) => {
  expect(problemsOf(use, 't', both, ...each)).toEqual([]);
  expect(problemsOf(use, 't', both, each[0], each[0])).toHaveLength(1);
});

test('the second job is told whose place it has, and what to do', () => {
  expect(problemsOf('git', 't', { path: 'a.md', branch: 'main' }, { message: 'x' }, {})).toEqual([SHARED]);
  expect(problemsOf('folder', 't', { path: 'a.md' }, {}, {})).toEqual([SHARED]);
});

test('a destination that says nothing of names is left to itself', () => {
  expect(problemsOf('stripe', 't', { path: 'a.md' }, {}, {})).toEqual([]);
});
