// An artifact that gives away what the batch was trusted with.
import { expect, test } from 'vitest';
import { problems } from './checks-fixture.js';

const env = { BLOG_TOKEN: 'tok-planted-41', BLOG_HOST: 'blog.example.org', PIN_KEY: 'abc' };
const held = (text: string | Uint8Array, secrets = Object.keys(env)) =>
  problems(text, [], { context: { env, secrets } });

test('a key that the batch refers to is never in what goes out, and is not named by its value', async () => {
  const found = await held('# Tides\n\nI used tok-planted-41 for that.');
  expect(found).toEqual(['the artifact has the value of ${env:BLOG_TOKEN} in it, a secret']);
  expect(found.join()).not.toContain('planted');
});

test('a host, a short value, and what the batch does not refer to are no secrets of it', async () => {
  expect(await held('Read on at blog.example.org, abc.')).toEqual([]);
  expect(await held('tok-planted-41', ['BLOG_HOST'])).toEqual([]);
});

test('a byte that is no UTF-8 hides no key, nor does UTF-16', async () => {
  for (const content of [
    Buffer.from('I used tok-planted-41 for that. \u00e9', 'latin1'),
    Buffer.from('\ufeffI used tok-planted-41 for that.', 'utf16le'),
    Buffer.from('\ufeffI used tok-planted-41 for that.', 'utf16le').swap16(),
  ])
    expect(await held(content)).toEqual(['the artifact has the value of ${env:BLOG_TOKEN} in it, a secret']);
});
