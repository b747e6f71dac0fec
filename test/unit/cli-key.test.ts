// `nightshift key`: the same rules as for a batch's identity, on the words of the command line.
import { expect, test } from 'vitest';
import { identityOf, notesOf } from '../../src/cli/key.js';
import { UsageError } from '../../src/contract/errors.js';
import { jobKey } from '../../src/identity/keys.js';

const problemsOf = (...pairs: string[]): string => {
  try {
    identityOf(pairs);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
};

test('plain values give the published recipe, in the order given', () => {
  const identity = identityOf([
    'site=antigravitylab',
    'category=agents',
    'slug=antigravity-managed-agents-api-idempotent-batch-design',
  ]);
  expect(Object.keys(identity)).toEqual(['site', 'category', 'slug']);
  expect(jobKey(identity)).toBe('d54377b09e326f79edd7ae454a87be49');
});

test('a value may hold "=", and two spellings of one text are one value', () => {
  expect(identityOf(['slug=a=b'])).toEqual({ slug: 'a=b' });
  expect(identityOf(['slug=cafe\u0301'])).toEqual({ slug: 'caf\u00e9' });
});

test.each(['date', 'timestamp', 'runId', 'run_id', 'attempt', 'uuid', 'index'])(
  'the field "%s" is refused, and "edition" is offered',
  (name) => {
    expect(problemsOf(`${name}=1`)).toMatch(/edition/);
  },
);

test('everything wrong is told at once', () => {
  const text = problemsOf('slug', 'site= a', 'time=1', 'category=', 'site=b');
  expect(text.split('\n')).toHaveLength(5);
  expect(text).toContain('"slug" is not NAME=VALUE');
  expect(text).toContain('the value of "site" begins with white space');
  expect(text).toContain('the value of "category" is empty');
});

test('what plan and run would note is told with the key', () => {
  expect(notesOf(identityOf(['slug=a']))).toEqual([]);
  expect(notesOf(identityOf(['requestId=soft\u00adhyphen']))).toEqual([
    expect.stringContaining('identity field "requestId" reads like one'),
    'the value of "requestId" has the invisible character U+00AD; without it, this is another job',
  ]);
});

test('a name given twice is refused', () => {
  expect(problemsOf('site=a', 'site=b')).toContain('"site" is given twice');
});

test('the revision is no part of an identity', () => {
  expect(problemsOf('revision=2')).toContain('reserved');
});
