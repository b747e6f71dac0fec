/** What a service or a program says may repeat what it was given: no secret of ours may be left in it, nor half of one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { LaneClosed } from '../../src/activities/lanes/lane.js';
import { saidText } from '../../src/activities/providers/managed/said.js';
import { providerFor } from '../../src/activities/providers/provider-for.js';
import type {
  ProviderContext,
  SessionHandle,
  SessionRequest,
} from '../../src/activities/providers/provider.js';
import { saidBy, shownText } from '../../src/activities/publishers/http/said.js';
import { cleaned } from '../../src/activities/publishers/objects/store-error.js';
import { publisherFor } from '../../src/activities/publishers/publisher-for.js';
import { masked } from '../../src/batch/masked.js';
import type { Definition } from '../../src/contract/batch-file.js';
import { AdapterError } from '../../src/contract/errors.js';
import type { Effect } from '../../src/contract/job.js';

const speakers = { masked, saidText, shownText, cleaned };

describe.each(Object.entries(speakers))('%s', (_, said) => {
  test('of a secret that begins with another one nothing is left, in whatever order they come', () => {
    const secrets = ['abcdef', 'abcdefgh'];
    expect(said('key abcdefgh!', secrets)).toBe('key ***!');
    expect(said('key abcdefgh!', secrets.toReversed())).toBe('key ***!');
  });

  test.each([
    'k"1/ ü+?',
    'k%221%2F%20%C3%BC%2B%3F',
    Buffer.from('k"1/ ü+?').toString('base64'),
    Buffer.from('k"1/ ü+?').toString('hex'),
    'k\\"1/ ü+?',
  ])('a secret that is sent back as %s is taken out', (form) => {
    expect(said(`<${form}>`, ['k"1/ ü+?'])).toMatch(/^<\*\*\*=*>$/);
  });

  test('what is too short for a secret stays, and so does all else', () => {
    expect(said('on page 5 of 12345', ['5', '12345', ''])).toBe('on page 5 of 12345');
  });

  test('half a character in a secret breaks nothing', () => {
    expect(said('fine', ['half \ud800 of one'])).toBe('fine');
  });
});

test('a long answer is cut after the secrets were taken out of it, so that no half of one stays', () => {
  const body = `${' '.repeat(1190)}key a-secret-of-ours`;
  expect(saidBy({ status: 400, headers: new Headers(), body }, ['a-secret-of-ours'])).toBe('key ***');
});

const base = mkdtempSync(join(tmpdir(), 'nightshift-test-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
writeFileSync(
  join(base, 'own.mjs'),
  `const options = { safeParse: (data) => ({ success: true, data }) };
   const common = { version: '1', options };
   class Agent {
     #key; facts = { name: 'own' };
     constructor({ options, secret, turn }) { this.#key = secret(options.key); this.turn = turn; }
     async find() { return { kind: 'unknown', why: 'asked with ' + this.#key }; }
     async start(request) { await this.turn?.(); return { v: 1, provider: 'own', ids: { at: this.#key } }; }
     async poll() { return { kind: 'running', nextPollMs: 1, note: 'works with ' + this.#key }; }
     classify(error) { return error.errorClass ? error : this.wrap(error); }
     wrap(error) { return globalThis.asAdapterError(error.message + ': ' + this.#key); }
   }
   export const provider = { ...common, kind: 'provider', name: 'own', create: (setup) => new Agent(setup) };
   export const frozen = { ...provider, create: (setup) => {
     const agent = new Agent(setup);
     return Object.freeze({ facts: agent.facts, poll: () => agent.poll(), classify: (e) => agent.classify(e) });
   } };
   export const publisher = { ...common, kind: 'publisher', name: 'own', create: ({ options }) => ({
     facts: { name: 'own', class: 4, lookup: 'none', settleMs: 0 },
     classify: (error) => (error.errorClass ? error : globalThis.asAdapterError(error.message + ': ' + options.key)),
   }) };`,
);
writeFileSync(join(base, 'frozen.mjs'), `export { frozen as provider } from './own.mjs';`);
Object.assign(globalThis, { asAdapterError: (message: string) => new AdapterError('auth', message) });

const deps = { env: { KEY: 'a-secret-of-ours' }, stateDir: base };
const agent = (use: string, turn?: () => Promise<void>) =>
  providerFor({ baseDir: base, agent: { use, with: { key: '${env:KEY}' } } } as unknown as Definition, deps, {
    turn,
  });
const request = {} as SessionRequest;
const handle = {} as SessionHandle;
const context = {} as ProviderContext;

describe('a provider of somebody’s own', () => {
  test('tells no secret in its errors, its notes, or why it found nothing', async () => {
    const provider = await agent('./own.mjs');
    expect(provider.classify(new Error('401'), 'poll').message).toBe('401: ***');
    expect(await provider.poll(handle, context)).toEqual({
      kind: 'running',
      nextPollMs: 1,
      note: 'works with ***',
    });
    expect(await provider.find(request, undefined, context)).toEqual({
      kind: 'unknown',
      why: 'asked with ***',
    });
  });

  test('keeps its handle as it is: the service is asked with it again', async () => {
    const provider = await agent('./own.mjs');
    const { ids } = await provider.start(request, undefined, context);
    expect(ids).toEqual({ at: 'a-secret-of-ours' });
  });

  test('may be frozen', async () => {
    const provider = await agent('./frozen.mjs');
    expect(provider.classify(new Error('401'), 'poll').message).toBe('401: ***');
    expect(await provider.poll(handle, context)).toMatchObject({ note: 'works with ***' });
  });
});

const closed = new LaneClosed('the service is down', 5000, undefined, true);

test('what a lane keeps back stays with all that it tells, whichever adapter it comes out of', async () => {
  const effect = {
    name: 'post',
    use: './own.mjs',
    target: 't',
    with: { key: '${env:KEY}' },
  } as unknown as Effect;
  const publisher = await publisherFor(effect, base, deps);
  expect(publisher.classify(new Error('401'), 'create').message).toBe('401: ***');
  expect(publisher.classify(closed, 'create')).toBe(closed);
  expect((await agent('./own.mjs')).classify(closed, 'start')).toBe(closed);
});
