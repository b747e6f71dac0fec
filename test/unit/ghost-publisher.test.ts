/** The publisher `ghost` against a stand-in; `test/destinations/ghost.test.ts` runs the same cases against Ghost. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ghostApi } from '../../src/activities/publishers/ghost/api.js';
import { ghostOptionsSchema } from '../../src/activities/publishers/ghost/options.js';
import { ghostPublisher } from '../../src/activities/publishers/ghost/publisher.js';
import { bodyRequest, context } from './folder-fixture.js';
import { ghostCases } from './ghost-cases.js';
import { startStandIn, type StandIn } from './ghost-stand-in.js';

let site: StandIn;
beforeAll(async () => {
  site = await startStandIn();
});
afterAll(async () => {
  await site?.close();
});

ghostCases(() => site);

const optionsWith = (fields: object) =>
  ghostOptionsSchema.parse({ url: site.url, key: site.key, title: 'Title', slug: 'slug', ...fields });
const at = (fields: object) => ghostPublisher({ options: optionsWith(fields) });

test.each([
  ['Contributor', 'fail'],
  ['Author', 'fail'],
  ['Administrator', 'warn'],
])('a probe with the token of a person in the role %s: %s', async (role, status) => {
  site.roles = [role];
  try {
    expect((await at({}).probe?.(context))?.at(-1)).toMatchObject({
      status,
      detail: expect.stringContaining(role) as string,
    });
  } finally {
    site.roles = undefined;
  }
});

test('more posts than one page holds are all looked at', async () => {
  const api = ghostApi(optionsWith({}), context);
  for (let number = 0; number < 101; number++)
    await api.add({ title: 'Many', slug: 'many', tags: [{ name: 'many' }] });
  expect(await api.list(`tag:'many'`)).toHaveLength(101);
});

describe('what Ghost would change or refuse never leaves', () => {
  test.each([
    ['', /a-z/],
    ['Job', /a-z/],
    ['a--b', /a-z/],
    ['-a', /a-z/],
    ['a-', /a-z/],
    ['a_b', /a-z/],
    ['a/b', /a-z/],
    ['..', /a-z/],
    ['é', /a-z/],
    ["a'+id:'x", /a-z/],
    ['a\n', /a-z/],
    ['x'.repeat(186), /186/],
  ])('slug %j', (slug, message) => {
    expect(() => at({ slug })).toThrow(
      expect.objectContaining({
        errorClass: 'invalid',
        facts: { sent: 'no' },
        message: expect.stringMatching(message) as string,
      }) as Error,
    );
  });

  test.each([
    [{ title: ' ' }, /title is empty/],
    [{ title: 'x'.repeat(256) }, /title is 256/],
    [{ title: 'a\nb' }, /title has a line break/],
    [{ title: 'a\u0000b' }, /control character/],
    [{ excerpt: '🚲'.repeat(301) }, /excerpt is 301/],
    [{ tags: ['#ns-mine'] }, /marked/],
    [{ tags: ['#NS-hidden'] }, /marked/],
    [{ tags: ['a,b'] }, /comma/],
    [{ tags: [' a'] }, /space/],
    [{ tags: ['x'.repeat(192)] }, /192/],
  ])('%j', async (fields, message) => {
    const before = site.posts();
    await expect(at(fields).create(bodyRequest('text'), context)).rejects.toMatchObject({
      errorClass: 'invalid',
      facts: { sent: 'no' },
      message: expect.stringMatching(message) as string,
    });
    expect(site.posts()).toEqual(before);
  });

  test.each([
    ['nothing', ''],
    ['nothing that may be shown', '<script>alert(1)</script>'],
  ])('a body with %s', async (_, text) => {
    await expect(at({ format: 'html' }).create(bodyRequest(text), context)).rejects.toMatchObject({
      errorClass: 'invalid',
      facts: { sent: 'no' },
    });
  });

  test('a body that is no text', async () => {
    const body = Uint8Array.of(0xff, 0xfe, 0);
    await expect(at({}).create(bodyRequest('', { body }), context)).rejects.toMatchObject({
      errorClass: 'invalid',
    });
  });
});

test('a try that is told to stop sends nothing', async () => {
  const before = site.posts();
  const stopped = { ...context, signal: AbortSignal.abort() };
  const publisher = at({});
  const error: unknown = await publisher
    .create(bodyRequest('text'), stopped)
    .catch((thrown: unknown) => thrown);
  expect(publisher.classify(error, 'create')).toMatchObject({
    errorClass: 'transient',
    facts: { sent: 'no' },
  });
  expect(site.posts()).toEqual(before);
});
