import { expect, test } from 'vitest';
import { SharedPlaces } from '../../src/batch/shared-places.js';
import type { Effect, PlacedJob } from '../../src/contract/job.js';

const jobs = ['one', 'two'].map(
  (slug, index) => ({ identity: { slug }, file: 'batch.yaml', line: index + 4 }) as unknown as PlacedJob,
);

function placesOf(
  platform: NodeJS.Platform,
  use: string,
  target: string,
  both: object,
  ...each: object[]
): SharedPlaces {
  const places = new SharedPlaces(platform);
  for (const [index, options] of each.entries()) {
    const job = jobs[index] ?? jobs[0];
    if (job)
      places.add(job, { name: 'post', use, target, with: { ...both, ...options } } as unknown as Effect);
  }
  return places;
}

function problemsOf(use: string, target: string, both: object, ...each: [object, object]): string[] {
  return placesOf('linux', use, target, both, ...each)
    .problems()
    .map(({ message, hint }) => `${message}; ${hint}`);
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
  [
    'http',
    {},
    { lookup: { url: 'https://one.test/?slug=a' } },
    { lookup: { url: 'https://two.test/?slug=a' } },
  ],
  [
    'http',
    { lookup: { url: 'https://one.test/?slug=a' } },
    { headers: { 'x-tenant': 'one' } },
    { headers: { 'x-tenant': 'two' } },
  ],
])('%s: one name is two places where something else tells them apart', (use, both, ...each) => {
  expect(problemsOf(use, 't', both, ...each)).toEqual([]);
  expect(problemsOf(use, 't', both, each[0], each[0])).toHaveLength(1);
});

test('the second job is told whose place it has, and what to do', () => {
  expect(problemsOf('git', 't', { path: 'a.md', branch: 'main' }, { message: 'x' }, {})).toEqual([SHARED]);
  expect(problemsOf('folder', 't', { path: 'a.md' }, {}, {})).toEqual([SHARED]);
});

test.each<[use: string, option: string]>([
  ['folder', 'path'],
  ['git', 'path'],
  ['s3', 'key'],
  ['azure-blob', 'key'],
])('%s: composed and decomposed spellings are one place', (use, option) => {
  expect(problemsOf(use, 't', {}, { [option]: 'caf\u00e9' }, { [option]: 'cafe\u0301' })).toHaveLength(1);
});

const BY_CASE =
  'effect "post" of "two" has the place of "one" (batch.yaml:4): "hello.md" at "t", ' +
  'but for upper and lower case: not every system keeps them apart';

test.each<NodeJS.Platform>(['darwin', 'win32'])(
  'names of a folder that differ only by case are one place on %s, and the message says so',
  (platform) => {
    const places = placesOf(platform, 'folder', 't', {}, { path: 'Hello.md' }, { path: 'hello.md' });
    expect(places.problems().map(({ message }) => message)).toEqual([BY_CASE]);
    expect(places.notes()).toEqual([]);
  },
);

test('names of a folder that differ only by case are two places elsewhere, and noted', () => {
  const places = placesOf('linux', 'folder', 't', {}, { path: 'Hello.md' }, { path: 'hello.md' });
  expect(places.problems()).toEqual([]);
  expect(places.notes()).toEqual([`batch.yaml:5: ${BY_CASE}`]);
  // A third that has the very name of the second is still refused.
  const [hello, lower] = [{ path: 'Hello.md' }, { path: 'hello.md' }];
  expect(placesOf('linux', 'folder', 't', {}, hello, lower, lower).problems()).toHaveLength(1);
  expect(problemsOf('git', 't', {}, { path: 'Hello.md' }, { path: 'hello.md' })).toEqual([]);
});

test('where target ends and path begins makes no other file of a folder, and a label no other post', () => {
  const at = (use: string, ...each: [string, object][]): number => {
    const places = new SharedPlaces();
    for (const [index, job] of jobs.entries()) {
      const [target, options] = each[index] ?? ['', {}];
      places.add(job, { name: 'post', use, target, with: options } as unknown as Effect);
    }
    return places.problems().length;
  };
  expect(at('folder', ['./public/a', { path: 'b.md' }], ['public', { path: 'a/b.md' }])).toBe(1);
  expect(at('s3', ['s3://bucket/a', { key: 'b' }], ['s3://bucket/', { key: 'a/b' }])).toBe(1);
  const post = { slug: 'a', url: 'https://one.test' };
  for (const use of ['wordpress', 'ghost']) expect(at(use, ['news', post], ['tips', post])).toBe(1);
});

test('http: jobs whose look-ups ask at one URL would find each other’s', () => {
  const lookup = { url: 'https://one.test/?slug=same', key: '/key' };
  expect(problemsOf('http', 't', { lookup }, { url: 'https://one.test/a' }, {})).toEqual([
    'effect "post" of "two" has the place of "one" (batch.yaml:4): "https://one.test/?slug=same" at "t"; ' +
      'make lookup.url from a field that tells the jobs apart',
  ]);
  expect(problemsOf('http', 't', { url: 'https://one.test' }, {}, {})).toEqual([]);
});

test('a destination that says nothing of names is left to itself', () => {
  expect(problemsOf('stripe', 't', { path: 'a.md' }, {}, {})).toEqual([]);
});
