// The batch that stands for another one in a rehearsal with its agent: what it can reach, and what it pays for again.
import { expect, test } from 'vitest';
import { areDraftsOfOne, draftOf, rehearsalOf } from '../../src/batch/rehearsal-batch.js';
import type { Batch } from '../../src/batch/read-batch.js';
import { requestFor } from '../../src/activities/session/scope.js';
import { unwatchedIn } from '../../src/client/unwatched.js';
import { definitionSchema } from '../../src/contract/batch-file.js';
import { UsageError } from '../../src/contract/errors.js';
import type { PlacedJob } from '../../src/contract/job.js';
import { fingerprint } from '../../src/identity/fingerprint.js';
import { jobKey } from '../../src/identity/keys.js';

const definition = definitionSchema.parse({
  name: 'n'.repeat(64),
  work: 'article',
  baseDir: '/batch',
  agent: { use: 'command', command: ['sh', 'agent.sh'], prompt: 'Write {{ slug }}' },
  effects: [
    { name: 'post', use: 'folder', target: 'blog.example', with: { path: '{{ slug }}.md' } },
    { name: 'mail', use: 'smtp', target: 'readers.example', with: {}, approval: 'required' },
  ],
  budget: { perSession: 1 },
  alerts: [{ use: 'webhook', url: 'https://alerts.example' }],
  deadMan: { url: 'https://monitor.example' },
});

function aJob(slug: string, title = 'A title'): PlacedJob {
  const identity = { site: 'blog', category: 'news', slug };
  const input = { title };
  const known = { key: jobKey(identity), fingerprint: fingerprint({ identity, input }) };
  return { ...known, identity, input, revision: 1, file: 'jobs.csv', line: 2 };
}

const job = aJob('one');
const batchOf = (more: Partial<Batch> = {}): Batch => ({
  file: 'batch.yaml',
  definition,
  jobs: [job, aJob('two')],
  key: 'k',
  workflowId: 'w',
  placeOf: () => ({ line: 1, column: 1 }),
  permit: { v: 1, plannedAt: '', effects: {} },
  ...more,
});
const rehearsal = rehearsalOf(batchOf(), new Set([job.key]), '/state/kept');

test('it reaches no destination and no channel of the batch, and is a batch that a worker takes', () => {
  expect(JSON.stringify(rehearsal)).not.toMatch(/\.example/);
  expect(rehearsal.definition.effects.map(({ use, target }) => [use, target])).toEqual([
    ['folder', '/state/kept'],
  ]);
  expect(rehearsal.permit).toBeUndefined();
  expect(definitionSchema.parse(rehearsal.definition)).toEqual(rehearsal.definition);
  expect(rehearsal.definition).toMatchObject({ agent: definition.agent, budget: definition.budget });
});

test('only the jobs that need a session are in it, under keys that no real job has, and that match their contents', () => {
  const [draft] = rehearsal.jobs;
  expect(rehearsal.jobs).toHaveLength(1);
  expect(draft?.key).not.toBe(job.key);
  expect(draft?.input).toEqual(job.input);
  expect(draft && jobKey(draft.identity)).toBe(draft?.key); // what a worker compares before it takes a job
  expect(draft && fingerprint(draft)).toBe(draft?.fingerprint);
});

test('the same fields and agent are the same draft; another field, prompt, check or revision is another one', () => {
  const keyOf = (of: Partial<typeof definition>, from = job) => draftOf({ ...definition, ...of }, from).key;
  expect(keyOf({ effects: [], alerts: [] })).toBe(keyOf({}));
  const others = [
    keyOf({ agent: { ...definition.agent, prompt: 'Write more' } }),
    keyOf({ checks: [{ minWords: 3 }] }),
    keyOf({}, aJob('one', 'Another title')),
    keyOf({}, { ...job, revision: 2 }),
  ];
  expect(new Set([keyOf({}), ...others]).size).toBe(5);
});

test('drafts of one job are told from those of another, and real jobs are never drafts', () => {
  const drafts = [job, aJob('one', 'Another title'), aJob('two')].map((each) => draftOf(definition, each));
  const [one, again, two] = drafts.map(({ identity }) => identity);
  expect(areDraftsOfOne(one ?? {}, again ?? {})).toBe(true);
  expect(areDraftsOfOne(one ?? {}, two ?? {})).toBe(false);
  expect(areDraftsOfOne(job.identity, job.identity)).toBe(false);
});

test('an agent that acts outside by itself is refused', () => {
  const outward = { ...definition, agent: { ...definition.agent, outward: true } };
  expect(() => rehearsalOf(batchOf({ definition: outward }), new Set([job.key]), '/kept')).toThrow(
    UsageError,
  );
});

test('a session is told that it is rehearsed, and a real one is not', () => {
  const asked = (one: PlacedJob) =>
    requestFor({ ref: { work: 'article' }, definition, job: one }, { runKey: 'r', attempt: 1 }, new Date(0));
  expect(asked(draftOf(definition, job))).toMatchObject({ rehearsal: true });
  expect(asked(job)).not.toHaveProperty('rehearsal');
});

test('what a rehearsal can’t hold back is said: code of the operator’s own', () => {
  const [post] = definition.effects;
  const own = {
    ...definition,
    effects: [
      { ...post, use: './own.ts' },
      { ...post, use: './own.ts' },
    ],
  };
  const module = expect.stringMatching(
    /^\.\/own\.ts is a module of your own: .*files that it writes are not$/,
  ) as unknown;
  const program = expect.stringMatching(/^what sh agent\.sh does .* NIGHTSHIFT_REHEARSAL=1$/) as unknown;
  expect(unwatchedIn(definition, false)).toEqual([]);
  expect(unwatchedIn(definition, true)).toEqual([program]);
  expect(unwatchedIn(own as typeof definition, false)).toEqual([module]);
  expect(unwatchedIn(own as typeof definition, true)).toEqual([module, program]);
  expect(unwatchedIn({ ...definition, agent: { ...definition.agent, use: 'claude' } }, true)).toEqual([]);
  const byModule = unwatchedIn({ ...definition, agent: { ...definition.agent, use: './own.ts' } }, true);
  expect(byModule).toEqual([expect.stringMatching(/request\.rehearsal$/)]);
});
