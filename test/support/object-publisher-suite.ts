/**
 * What every publisher of objects must do, against a real server. Objects are looked at by the server's own route,
 * never by the adapter's code; each try has a ledger of its own, without locks and without a memory.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CrashPoint } from '../../src/activities/crash-points.js';
import type { Publisher } from '../../src/activities/publishers/publisher.js';
import { bodyRequest, context, keyOf, ours, sha256 } from '../unit/folder-fixture.js';
import { land, LOST, receiptIn } from './land.js';
import { startLossyProxy, type LossyProxy } from './lossy-proxy.js';

export interface TestStore {
  readonly port: number;
  /** @param port of the server, or of a proxy in front of it */
  publisher(key: string, port?: number): Publisher;
  /** By its whole name. */
  object(name: string): Promise<{ readonly body: Buffer; readonly etag: string | undefined } | undefined>;
  /** Of all objects, sorted. */
  names(): Promise<string[]>;
  /** Another tool replaces the content, and keeps the metadata where it is asked to. */
  overwrite(name: string, body: string, keepMetadata?: boolean): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Where `publisher(key)` puts its object. */
export const PREFIX = 'night/articles';
const NAME = `${PREFIX}/post.md`;
const PROBE = `${PREFIX}/.nightshift-probe`;
class Died extends Error {}

/** @param freshStore called before each test: an empty bucket or container */
export function objectPublisherSuite(freshStore: () => Promise<TestStore>): void {
  let store: TestStore;
  let proxy: LossyProxy;
  beforeEach(async () => {
    store = await freshStore();
    proxy = await startLossyProxy(store);
  });
  afterEach(async () => proxy.close());

  const publisher = (key = 'post.md') => store.publisher(key);
  const proxied = (key = 'post.md') => store.publisher(key, proxy.port);
  const effectNames = async () => (await store.names()).filter((name) => name !== PROBE);
  const textAt = async (name = NAME) => (await store.object(name))?.body.toString();
  const etagAt = async (name = NAME) => (await store.object(name))?.etag;
  const isEffectPut = ({ method, path }: { method: string; path: string }) =>
    method === 'PUT' && decodeURIComponent(path).includes('post.md');
  /** The delayed look has been answered by the server, and not yet come back. */
  const lookedAt = () =>
    vi.waitFor(() =>
      expect(proxy.seen).toContainEqual(expect.objectContaining({ fault: 'delay', status: 200 })),
    );
  const effectPuts = () => proxy.seen.filter(isEffectPut).length;

  describe('creating', () => {
    test('an effect lands under its name, and its receipt says where and what', async () => {
      const request = bodyRequest('# Wörter 🚲\n');
      const end = await land(publisher(), request);
      expect(end).toMatchObject({
        kind: 'landed',
        receipt: { effectKey: request.effectKey, revision: 1, sha256: request.sha256, adopted: false },
      });
      expect(receiptIn(end).id.endsWith(`/${NAME}`)).toBe(true);
      expect(await textAt()).toBe('# Wörter 🚲\n');
      expect(await effectNames()).toEqual([NAME]);
    });

    test('it is found again with revision, hash and fingerprint, and a look-up changes nothing', async () => {
      const request = bodyRequest('words');
      expect(await proxied().lookup?.(request, context)).toEqual({ kind: 'absent' });
      expect(await store.names()).toEqual([]);
      await land(publisher(), request);
      expect(ours(await proxied().lookup?.(request, context))).toMatchObject({
        sha256: request.sha256,
        revision: 1,
        fingerprint: request.fingerprint,
        visible: true,
      });
      expect(new Set(proxy.seen.map(({ method }) => method))).toEqual(new Set(['HEAD']));
    });

    test('twenty who land one effect at once leave one object, and all get its receipt', async () => {
      const ends = await Promise.all(
        Array.from({ length: 20 }, (_, at) => land(publisher(), bodyRequest(`text ${at}`))),
      );
      expect(await effectNames()).toEqual([NAME]);
      const winner = sha256((await textAt()) ?? '');
      expect(new Set(ends.map((end) => receiptIn(end).sha256))).toEqual(new Set([winner]));
    });

    test('twenty who all think that nothing is there: the store lets one of them write', async () => {
      const ends = await Promise.all(
        Array.from({ length: 20 }, (_, at) => publisher().create(bodyRequest(`text ${at}`), context)),
      );
      const text = await textAt();
      expect(new Set(ends.map((end) => ours(end).sha256))).toEqual(new Set([sha256(text ?? '')]));
      const etag = await etagAt();
      await publisher().create(bodyRequest('later'), context);
      expect([await textAt(), await etagAt()]).toEqual([text, etag]);
    });

    test.each<CrashPoint>(['E1', 'E2', 'E3', 'E5', 'E10', 'E11', 'E12'])(
      'dying at %s and landing again leaves one object, written once',
      async (point) => {
        const dying = land(proxied(), bodyRequest('words'), {
          reached: (at) => {
            if (at === point) throw new Died(at);
          },
        });
        await expect(dying).rejects.toThrow(Died);
        const sent = await etagAt();
        const again = await land(proxied(), bodyRequest('words'), sent === undefined ? {} : { row: LOST });
        expect(again.kind).toBe('landed');
        expect(effectPuts()).toBe(1);
        expect(await effectNames()).toEqual([NAME]);
        if (sent !== undefined) expect(await etagAt()).toBe(sent);
      },
    );

    test('two megabytes of any bytes arrive whole', async () => {
      const body = Buffer.alloc(2_200_000, Buffer.from([0, 255, 10, 13, 92, 39, 200]));
      const request = bodyRequest('', { body, sha256: sha256(body) });
      expect(receiptIn(await land(publisher(), request)).sha256).toBe(request.sha256);
      expect((await store.object(NAME))?.body.equals(body)).toBe(true);
    });

    test('an empty body is an object too', async () => {
      expect(receiptIn(await land(publisher(), bodyRequest(''))).sha256).toBe(sha256(''));
      expect(await textAt()).toBe('');
    });

    test.each([
      ['other scripts', '日本語/記事 第一.md'],
      ['what URLs make something of', 'a b+c&d=e;f?g#h%20i@j:k~l*m(n)!.md'],
      ['quotes and brackets', `it's "so" <b>[x]{y}|^\`.md`],
      ['an emoji of several code points', '👩‍🔧🚲.md'],
      ['one letter', 'x'],
      ['185 bytes', 'a'.repeat(185)],
      ['255 bytes', 'b'.repeat(255)],
      ['300 bytes', `${'c'.repeat(150)}/${'d'.repeat(149)}`],
    ])('a name with %s is kept exactly', async (_, key) => {
      const request = bodyRequest('words');
      expect((await land(publisher(key), request)).kind).toBe('landed');
      expect(await effectNames()).toEqual([`${PREFIX}/${key}`]);
      expect(await textAt(`${PREFIX}/${key}`)).toBe('words');
      expect((await publisher(key).lookup?.(request, context))?.kind).toBe('ours');
    });

    test('two spellings of one name are one object', async () => {
      await land(publisher('caf\u00e9.md'), bodyRequest('words'));
      expect((await land(publisher('cafe\u0301.md'), bodyRequest('words'))).sent).toBe(false);
      expect(await effectNames()).toEqual([`${PREFIX}/caf\u00e9.md`]);
    });
  });

  describe('answers that are lost', () => {
    const failureOf = async (of: Publisher, what: Promise<unknown>) =>
      what.then(
        () => {
          throw new Error('it did not fail');
        },
        (error: unknown) => of.classify(error, 'create'),
      );

    test('an answer lost after the object was written leads to that object; it is not written again', async () => {
      proxy.next({ kind: 'drop-answer' }, isEffectPut);
      const failure = await failureOf(proxied(), land(proxied(), bodyRequest('words')));
      expect(failure).toMatchObject({ errorClass: 'unknown', facts: { sent: 'maybe' } });
      const etag = await etagAt();
      expect(etag).toBeDefined();
      const end = await land(proxied(), bodyRequest('words'), { row: LOST });
      expect(end).toMatchObject({ kind: 'landed', sent: false });
      expect(effectPuts()).toBe(1);
      expect(await etagAt()).toBe(etag);
    });

    test('one that is sent again without a look-up meets its own object and leaves it', async () => {
      proxy.next({ kind: 'drop-answer' }, isEffectPut);
      await failureOf(proxied(), proxied().create(bodyRequest('words'), context));
      const etag = await etagAt();
      expect(ours(await proxied().create(bodyRequest('other words'), context)).sha256).toBe(sha256('words'));
      expect(await etagAt()).toBe(etag);
    });

    test('a request that never arrived is sent by the next try', async () => {
      proxy.next({ kind: 'drop-before' }, isEffectPut);
      const failure = await failureOf(proxied(), land(proxied(), bodyRequest('words')));
      expect(failure.facts.sent).toBe('maybe');
      expect(await effectNames()).toEqual([]);
      const same = { ...LOST, sentSha256: bodyRequest('words').sha256 };
      expect((await land(proxied(), bodyRequest('words'), { row: same })).kind).toBe('landed');
      expect(await textAt()).toBe('words');
    });

    test('with options that were edited since, a lost answer is a question, for the look-up goes elsewhere', async () => {
      proxy.next({ kind: 'drop-answer' }, isEffectPut);
      await failureOf(proxied(), land(proxied(), bodyRequest('words')));
      const moved = await land(publisher('moved.md'), bodyRequest('words'), {
        row: { ...LOST, sentSha256: 'f'.repeat(64) },
      });
      expect(moved).toMatchObject({ kind: 'held', sent: false });
    });

    test('a request that arrives after a later try has landed changes nothing', async () => {
      proxy.next({ kind: 'late-request', ms: 700 }, isEffectPut);
      await failureOf(proxied(), proxied().create(bodyRequest('early'), context));
      const later = bodyRequest('later');
      await land(publisher(), later, { row: { ...LOST, sentSha256: later.sha256 } });
      const etag = await etagAt();
      await proxy.idle();
      expect(effectPuts()).toBe(1);
      expect(proxy.seen.find(isEffectPut)?.status).toBeGreaterThanOrEqual(409);
      expect([await textAt(), await etagAt()]).toEqual(['later', etag]);
    });

    test('nobody there: the request surely never left', async () => {
      await proxy.close();
      const failure = await failureOf(proxied(), proxied().create(bodyRequest('words'), context));
      expect(failure).toMatchObject({ errorClass: 'transient', facts: { sent: 'no' } });
      proxy = await startLossyProxy(store);
    });

    test('a try that was stopped sends nothing', async () => {
      const stopped = { ...context, signal: AbortSignal.abort(new Error('the worker stops')) };
      const failure = await failureOf(proxied(), proxied().lookup?.(bodyRequest(''), stopped) ?? fail());
      expect(failure).toMatchObject({ errorClass: 'transient', facts: { sent: 'no' } });
      expect(proxy.seen).toEqual([]);
    });

    test('a redirect is not followed', async () => {
      // One to another place, and one that a library may take for harmless: to the same origin.
      for (const location of [`http://127.0.0.1:${store.port}/elsewhere`, `${proxy.url}/elsewhere`])
        for (const status of [301, 302, 307, 308]) {
          proxy.next({ kind: 'answer', status, headers: { location } }, isEffectPut);
          const failure = await failureOf(proxied(), land(proxied(), bodyRequest('words')));
          expect(failure).toMatchObject({ errorClass: 'config', facts: { sent: 'rejected' } });
        }
      expect(proxy.seen.filter(({ path }) => path.includes('elsewhere'))).toEqual([]);
      expect(await effectNames()).toEqual([]);
    });
  });

  describe('what is not ours', () => {
    test('an object of somebody else stays byte for byte, and the effect is held', async () => {
      await store.overwrite(NAME, 'their words\r\n\0');
      const before = await store.object(NAME);
      expect(await land(publisher(), bodyRequest('words'))).toMatchObject({
        kind: 'held',
        errorClass: 'conflict',
        sent: false,
      });
      expect(await store.object(NAME)).toEqual(before);
    });

    test('one that comes between look-up and writing stays too', async () => {
      const end = await land(publisher(), bodyRequest('words'), {
        reached: async (point) => {
          if (point === 'E3') await store.overwrite(NAME, 'their words');
        },
      });
      expect(end).toMatchObject({ kind: 'held', errorClass: 'conflict' });
      expect(await textAt()).toBe('their words');
    });

    test('the object of another effect is not taken for ours', async () => {
      await land(publisher(), bodyRequest('words', { effectKey: keyOf('another') }));
      const end = await land(publisher(), bodyRequest('words'));
      expect(end).toMatchObject({
        kind: 'held',
        message: expect.stringContaining(keyOf('another')) as string,
      });
    });

    test('ours that somebody edited, mark and all kept, is not ours any more', async () => {
      await land(publisher(), bodyRequest('words'));
      await store.overwrite(NAME, 'edited', true);
      const found = await publisher().lookup?.(bodyRequest('words'), context);
      expect(found).toMatchObject({ kind: 'theirs', why: expect.stringMatching(/changed/) as string });
    });

    test('a landed object that a person deleted is not put back', async () => {
      const receipt = receiptIn(await land(publisher(), bodyRequest('words')));
      await store.remove(NAME);
      const again = await land(publisher(), bodyRequest('words 2', { revision: 2 }), { row: { receipt } });
      expect(again).toMatchObject({ kind: 'held', sent: false });
      expect(await effectNames()).toEqual([]);
    });
  });

  describe('later revisions', () => {
    const second = (text = 'second') => bodyRequest(text, { revision: 2, fingerprint: sha256('payload 2') });

    test('one replaces the former in its place', async () => {
      const receipt = receiptIn(await land(publisher(), bodyRequest('first')));
      const end = await land(publisher(), second(), { row: { receipt } });
      expect(end).toMatchObject({ kind: 'landed', receipt: { id: receipt.id, revision: 2 } });
      expect([await textAt(), await effectNames()]).toEqual(['second', [NAME]]);
    });

    test('without a receipt the mark is enough', async () => {
      await land(publisher(), bodyRequest('first'));
      expect((await land(publisher(), second())).kind).toBe('landed');
      expect(await textAt()).toBe('second');
    });

    test('it does not replace what somebody edited', async () => {
      const receipt = receiptIn(await land(publisher(), bodyRequest('first')));
      await store.overwrite(NAME, 'edited', true);
      expect(await land(publisher(), second(), { row: { receipt } })).toMatchObject({ kind: 'held' });
      expect(await textAt()).toBe('edited');
    });

    test('an edit in the moment between the look and the write survives', async () => {
      const receipt = receiptIn(await land(proxied(), bodyRequest('first')));
      proxy.next({ kind: 'delay', ms: 500 }, ({ method }) => method === 'HEAD');
      const updating = Promise.allSettled([proxied().update?.(second(), receipt, context)]);
      await lookedAt();
      await store.overwrite(NAME, 'edited', true);
      expect(await updating).toMatchObject([{ value: { kind: 'theirs' } }]);
      expect(await textAt()).toBe('edited');
    });

    test('an update whose answer was lost is found, and not done again', async () => {
      const receipt = receiptIn(await land(proxied(), bodyRequest('first')));
      const row = { receipt };
      proxy.next(
        { kind: 'drop-answer' },
        (request) => isEffectPut(request) && request.body.includes('second'),
      );
      await expect(land(proxied(), second(), { row })).rejects.toMatchObject({ errorClass: 'unknown' });
      const etag = await etagAt();
      expect(await textAt()).toBe('second');
      const end = await land(proxied(), second(), { row: { ...LOST, receipt } });
      expect(end).toMatchObject({ kind: 'landed', sent: false, receipt: { revision: 2 } });
      expect(await etagAt()).toBe(etag);
    });

    test('a newer revision that is there already is never put back', async () => {
      await land(publisher(), second());
      const receipt = { ...receiptIn(await land(publisher(), second())), revision: 1 };
      const found = await publisher().update?.(bodyRequest('first'), receipt, context);
      expect(found).toMatchObject({ kind: 'theirs' });
      expect(await textAt()).toBe('second');
    });

    test('under another name it would be a second object, so it is held', async () => {
      const receipt = receiptIn(await land(publisher(), bodyRequest('first')));
      const end = await land(publisher('renamed.md'), second(), { row: { receipt } });
      expect(end).toMatchObject({ kind: 'held', message: expect.stringContaining('renamed.md') as string });
      expect(await effectNames()).toEqual([NAME]);
    });

    test('one that was deleted meanwhile is not created by an update', async () => {
      const receipt = receiptIn(await land(publisher(), bodyRequest('first')));
      await store.remove(NAME);
      expect(await publisher().update?.(second(), receipt, context)).toMatchObject({ kind: 'removed' });
      expect(await effectNames()).toEqual([]);
    });
  });

  describe('unpublishing', () => {
    test('it takes the object away, and is done when it is done again', async () => {
      const request = bodyRequest('words');
      const receipt = receiptIn(await land(publisher(), request));
      await publisher().unpublish?.(request, receipt, context);
      expect(await effectNames()).toEqual([]);
      await publisher().unpublish?.(request, receipt, context);
      expect(await publisher().lookup?.(request, context)).toEqual({ kind: 'absent' });
    });

    test('what somebody changed since stays', async () => {
      const request = bodyRequest('words');
      const receipt = receiptIn(await land(publisher(), request));
      await store.overwrite(NAME, 'edited', true);
      await expect(publisher().unpublish?.(request, receipt, context)).rejects.toMatchObject({
        errorClass: 'conflict',
        facts: { sent: 'no' },
      });
      expect(await textAt()).toBe('edited');
    });

    test('a newer revision stays, also where its receipt was not written yet, or it has the same content', async () => {
      const request = bodyRequest('words');
      const receipt = receiptIn(await land(publisher(), request));
      for (const text of ['words', 'second']) {
        const revised = bodyRequest(text, { revision: text === 'words' ? 2 : 3 });
        await publisher().update?.(revised, receipt, context);
        await expect(publisher().unpublish?.(request, receipt, context)).rejects.toMatchObject({
          errorClass: 'conflict',
          facts: { sent: 'no' },
        });
        expect(await textAt()).toBe(text);
      }
    });

    test('an edit in the moment between the look and the deletion survives', async () => {
      const request = bodyRequest('words');
      const receipt = receiptIn(await land(proxied(), request));
      proxy.next({ kind: 'delay', ms: 500 }, ({ method }) => method === 'HEAD');
      const going = proxied()
        .unpublish?.(request, receipt, context)
        .then(
          () => 'gone',
          (error: unknown) => publisher().classify(error, 'unpublish').errorClass,
        );
      await lookedAt();
      await store.overwrite(NAME, 'edited', true);
      expect(await going).toBe('conflict');
      expect(await textAt()).toBe('edited');
    });

    test('a deletion whose answer was lost is done when it is tried again', async () => {
      const request = bodyRequest('words');
      const receipt = receiptIn(await land(proxied(), request));
      proxy.next({ kind: 'drop-answer' }, ({ method }) => method === 'DELETE');
      const going = proxied().unpublish?.(request, receipt, context);
      await expect(going).rejects.toMatchObject({ errorClass: 'unknown', facts: { sent: 'maybe' } });
      await proxied().unpublish?.(request, receipt, context);
      expect(await effectNames()).toEqual([]);
    });
  });

  describe('probing', () => {
    test('says what the night may rely on, and leaves one object of its own', async () => {
      const findings = await publisher().probe?.(context);
      expect(findings?.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok']);
      expect(await store.names()).toEqual([PROBE]);
      const etag = await etagAt(PROBE);
      expect((await publisher().probe?.(context))?.every(({ status }) => status === 'ok')).toBe(true);
      expect(await etagAt(PROBE)).toBe(etag);
    });

    test('names the right that is missing, and does not go on without it', async () => {
      proxy.next({ kind: 'answer', status: 403 }, ({ method }) => method === 'HEAD');
      expect(await proxied().probe?.(context)).toEqual([
        {
          status: 'fail',
          detail: expect.any(String) as string,
          fix: expect.stringMatching(/read|GetObject/) as string,
        },
      ]);
      proxy.next({ kind: 'answer', status: 403 }, ({ method }) => method === 'PUT');
      const findings = (await proxied().probe?.(context)) ?? [];
      expect(findings.map(({ status }) => status)).toEqual(['ok', 'fail']);
      expect(findings[1]?.fix).toMatch(/writing|PutObject/);
      expect(await store.names()).toEqual([]);
    });

    test('a missing right to delete is a warning', async () => {
      proxy.next({ kind: 'answer', status: 403 }, ({ method }) => method === 'DELETE');
      const findings = (await proxied().probe?.(context)) ?? [];
      expect(findings.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'warn']);
    });
  });
}

function fail(): never {
  throw new Error('the publisher has no such verb');
}
