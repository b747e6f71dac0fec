// Targets and options of `azure-blob`: what is taken, and that no secret in them is shown.
import { describe, expect, test } from 'vitest';
import { secretsIn } from '../../src/activities/publishers/azure-blob/client.js';
import { azureBlobOptions } from '../../src/activities/publishers/azure-blob/options.js';
import { azureBlobPublisher } from '../../src/activities/publishers/azure-blob/publisher.js';
import { placeOfTarget } from '../../src/activities/publishers/azure-blob/target.js';
import { bodyRequest, context } from './folder-fixture.js';

describe('targets', () => {
  test.each([
    [
      'https://acct.blob.core.windows.net/posts/a/b',
      'https://acct.blob.core.windows.net',
      'acct',
      'posts',
      'a/b',
    ],
    ['https://acct.blob.core.windows.net/posts/', 'https://acct.blob.core.windows.net', 'acct', 'posts', ''],
    [
      'https://acct.blob.core.windows.net/$web/caf%C3%A9',
      'https://acct.blob.core.windows.net',
      'acct',
      '$web',
      'café',
    ],
    [
      'http://127.0.0.1:10000/devstoreaccount1/posts/a',
      'http://127.0.0.1:10000/devstoreaccount1',
      'devstoreaccount1',
      'posts',
      'a',
    ],
    ['posts/a', undefined, undefined, 'posts', 'a'],
    ['posts', undefined, undefined, 'posts', ''],
  ])('%s', (target, accountUrl, account, container, prefix) =>
    expect(placeOfTarget(target)).toEqual({ accountUrl, account, container, prefix }),
  );

  test('beside a container it is the prefix alone', () => {
    expect(placeOfTarget('a/b', 'posts')).toMatchObject({ container: 'posts', prefix: 'a/b' });
    expect(() => placeOfTarget('https://acct.blob.core.windows.net/posts', 'posts')).toThrow(
      /with\.container/,
    );
  });

  test.each([
    '',
    'ab',
    'Posts/a',
    'po--sts',
    '-posts',
    'posts-',
    'posts//a',
    'posts/../a',
    'posts/a\n',
    'https://acct.blob.core.windows.net/',
    'https://acct.blob.core.windows.net/p/a',
  ])('%j is refused', (target) =>
    expect(() => placeOfTarget(target)).toThrow(expect.objectContaining({ errorClass: 'invalid' })),
  );

  test('a signature in it is refused, and not shown', () => {
    for (const target of [
      'https://acct.blob.core.windows.net/posts?sv=1&sig=c2VjcmV0',
      'https://user:c2VjcmV0@acct.blob.core.windows.net/posts',
    ]) {
      expect(() => placeOfTarget(target)).toThrow(/^(?!.*c2VjcmV0).*sasToken/s);
    }
  });
});

describe('options', () => {
  const with_ = (fields: Readonly<Record<string, unknown>>) =>
    azureBlobOptions.safeParse({ key: 'a.md', ...fields }).success;

  test.each([
    ['no credentials', {}],
    ['two kinds of credentials', { accountKey: 'a', sasToken: 'b' }],
    ['a container without a connection string', { accountKey: 'a', container: 'posts' }],
    ['a typo', { accountKey: 'a', conatiner: 'posts' }],
  ])('%s is refused', (_, fields) => expect(with_(fields)).toBe(false));

  test.each([{ accountKey: 'a' }, { sasToken: 'a' }, { connectionString: 'a', container: 'posts' }])(
    '%j is taken',
    (fields) => expect(with_(fields)).toBe(true),
  );

  test('a connection string that can’t be read is refused, and not shown', async () => {
    const options = azureBlobOptions.parse({ key: 'a', connectionString: 'AccountKey=c2VjcmV0;nonsense' });
    const lookup = azureBlobPublisher({ options, target: 'posts' }).lookup?.(bodyRequest(''), context);
    await expect(lookup).rejects.toMatchObject({
      errorClass: 'config',
      message: expect.not.stringContaining('c2VjcmV0') as string,
      facts: { sent: 'no' },
    });
  });

  test('an account that nobody named is refused', async () => {
    const options = azureBlobOptions.parse({ key: 'a', accountKey: 'c2VjcmV0' });
    const lookup = azureBlobPublisher({ options, target: 'posts' }).lookup?.(bodyRequest(''), context);
    await expect(lookup).rejects.toMatchObject({
      errorClass: 'config',
      message: expect.stringMatching(/https/) as string,
    });
  });

  test('the parts of credentials that could be repeated by themselves are known', () => {
    const of = (fields: Readonly<Record<string, unknown>>) =>
      secretsIn(azureBlobOptions.parse({ key: 'a', ...fields }));
    expect(of({ connectionString: 'AccountName=a;AccountKey=a2V5==;EndpointSuffix=x' })).toContain('a2V5==');
    expect(of({ connectionString: 'BlobEndpoint=x;SharedAccessSignature=sv=1&sig=a%2Fb' })).toEqual(
      expect.arrayContaining(['a%2Fb', 'a/b']),
    );
    expect(of({ sasToken: '?sig=a%2Fb&sv=1' })).toEqual(expect.arrayContaining(['a%2Fb', 'a/b']));
    expect(of({ sasToken: 'sig=a%2Fb' })).toContain('a/b');
  });
});
