// Names of objects, targets and options of `s3`: what is taken, and in which form.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeName,
  nameFault,
  objectName,
  publicUrlOf,
} from '../../src/activities/publishers/objects/object-name.js';
import { s3Options } from '../../src/activities/publishers/s3/options.js';
import { s3Publisher } from '../../src/activities/publishers/s3/publisher.js';
import { placeOfTarget } from '../../src/activities/publishers/s3/target.js';

describe('names of objects', () => {
  test.each([
    ['nothing', '', /empty/],
    ['a line break', 'a\nb', /can’t be seen/],
    ['NUL', 'a\0', /can’t be seen/],
    ['a mark that turns the reading direction', 'a\u202egpj.exe', /can’t be seen/],
    ['half a character', 'a\ud800', /can’t be seen/],
    ['a slash at the beginning', '/etc/passwd', /begins with/],
    ['a slash at the end', 'a/', /empty part/],
    ['an empty field in the middle', 'a//b', /empty part/],
    ['a way up', 'a/../b', /"\.\."/],
    ['a way up at the end', 'a/..', /"\.\."/],
    ['a way nowhere', './a', /"\."/],
    ['a backslash', 'a\\b', /backslash/],
    ['a dot at the end of a part', 'a./b', /dot/],
    ['the name of our probe', 'a/.nightshift-probe', /ours/],
    ['1,025 bytes', 'é'.repeat(512) + 'a', /1025 bytes/],
    ['255 parts', Array(255).fill('a').join('/'), /255 parts/],
  ])('one with %s is refused', (_, name, fault) => {
    expect(nameFault(name)).toMatch(fault);
    expect(() => objectName('prefix', name)).toThrow(
      expect.objectContaining({ errorClass: 'invalid', facts: { sent: 'no' } }),
    );
  });

  test.each([
    'x',
    'é'.repeat(512),
    'con',
    '-rf',
    'a b',
    '..a',
    'a..b',
    '日本語/記事',
    Array(254).fill('a').join('/'),
  ])('%s is taken as it is', (name) => expect(objectName('', name)).toBe(name));

  test('prefix and name together must fit', () => {
    expect(() => objectName('p', 'a'.repeat(1023))).toThrow(/1025 bytes/);
    expect(objectName('p', 'a'.repeat(1022))).toHaveLength(1024);
  });

  test('whatever a field holds, the object lies below the prefix, in one spelling', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (name) => {
        if (nameFault(name) !== undefined) return;
        const whole = objectName('night/a', name);
        expect(whole.startsWith('night/a/')).toBe(true);
        expect(whole).toBe(whole.normalize('NFC'));
        expect(new URL(`http://s3/${encodeName(whole)}`).pathname).toBe(`/${encodeName(whole)}`);
        expect(objectName('night/a', name.normalize('NFD'))).toBe(whole);
      }),
      { numRuns: 2000 },
    );
  });

  test('a public URL has each part encoded', () => {
    expect(publicUrlOf('https://a.example/x/', 'ä b/c?d#e.md')).toBe(
      'https://a.example/x/%C3%A4%20b/c%3Fd%23e.md',
    );
  });
});

describe('targets', () => {
  test.each([
    ['s3://bucket/night/articles', 'bucket', 'night/articles'],
    ['bucket/night', 'bucket', 'night'],
    ['s3://bucket/night/', 'bucket', 'night'],
    ['s3://bucket', 'bucket', ''],
    ['my.bucket-1/caf\u0065\u0301', 'my.bucket-1', 'caf\u00e9'],
  ])('%s', (target, bucket, prefix) => expect(placeOfTarget(target)).toEqual({ bucket, prefix }));

  test.each([
    '',
    's3://',
    's3:///prefix',
    '/bucket/a',
    'https://bucket.s3.amazonaws.com/a',
    'b/a/../c',
    'b//a',
    'bu cket/a',
    's3://b\n/a',
  ])('%j is refused', (target) =>
    expect(() => placeOfTarget(target)).toThrow(expect.objectContaining({ errorClass: 'invalid' })),
  );
});

describe('options', () => {
  const with_ = (fields: Readonly<Record<string, unknown>>) =>
    s3Options.safeParse({ key: 'a.md', ...fields });

  test('conditions are insisted on unless the operator says otherwise', () => {
    expect(with_({}).data).toEqual({ key: 'a.md', onUnconditional: 'refuse' });
  });

  test('a flag may come out of a template', () => {
    expect(with_({ forcePathStyle: 'true' }).data?.forcePathStyle).toBe(true);
    expect(with_({ forcePathStyle: 'false' }).data?.forcePathStyle).toBe(false);
    expect(with_({ forcePathStyle: 'yes' }).success).toBe(false);
  });

  test.each([
    ['half of the credentials', { accessKeyId: 'a' }],
    ['the other half', { secretAccessKey: 'b' }],
    ['a session token alone', { sessionToken: 'c' }],
    ['an endpoint without a scheme', { endpoint: 'localhost:9000' }],
    ['an endpoint that is no web address', { endpoint: 'file:///etc/passwd' }],
    ['a word that is not offered', { onUnconditional: 'ignore' }],
    ['a typo', { regoin: 'eu-west-1' }],
  ])('%s is refused', (_, fields) => expect(with_(fields).success).toBe(false));

  test('a bad name stops the publisher before it asks anybody', () => {
    const options = s3Options.parse({ key: '../../x' });
    expect(() => s3Publisher({ options, target: 's3://bucket/a' })).toThrow(/"\.\."/);
  });
});
