/**
 * The publisher `s3` against moto, which honours conditional writes, and against a store that does not. Objects are
 * looked at by plain HTTP, not through the adapter or its SDK.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { s3Options, type S3Options } from '../../src/activities/publishers/s3/options.js';
import { s3Publisher } from '../../src/activities/publishers/s3/publisher.js';
import type { Publisher } from '../../src/activities/publishers/publisher.js';
import { land } from '../support/land.js';
import { startLossyProxy, type LossyProxy } from '../support/lossy-proxy.js';
import { objectPublisherSuite, PREFIX } from '../support/object-publisher-suite.js';
import { motoFolder, startMoto, type S3Server } from '../support/servers/s3.js';
import { startUnconditionalS3 } from '../support/servers/unconditional-s3.js';
import { bodyRequest, context, keyOf, ours } from '../unit/folder-fixture.js';

const SECRET = 'planted-Secret/key+0123456789';
const moto = await motoFolder();
let buckets = 0;

function publisherAt(
  port: number,
  bucket: string,
  fields: Partial<S3Options> & { readonly key?: string } = {},
): Publisher {
  const options = s3Options.parse({
    key: 'post.md',
    endpoint: `http://127.0.0.1:${port}`,
    accessKeyId: 'test',
    secretAccessKey: SECRET,
    ...fields,
  });
  return s3Publisher({ options, target: `s3://${bucket}/${PREFIX}` });
}

describe.runIf(moto !== undefined)('s3, with a store that honours conditions', () => {
  let server: S3Server;
  let bucket: string;
  beforeAll(async () => {
    server = await startMoto(moto ?? '');
  });
  afterAll(async () => server?.stop());
  const freshBucket = async () => {
    bucket = `nightshift-${++buckets}`;
    await server.makeBucket(bucket);
  };

  objectPublisherSuite(async () => {
    await freshBucket();
    const of = bucket;
    return {
      port: server.port,
      publisher: (key, port = server.port) => publisherAt(port, of, { key }),
      object: async (name) => {
        const found = await server.object(of, name);
        return found && { body: found.body, etag: `${found.etag} ${found.headers.get('last-modified')}` };
      },
      names: () => server.names(of),
      overwrite: async (name, body, keepMetadata = false) => {
        const headers = keepMetadata ? ((await server.object(of, name))?.headers ?? []) : [];
        const kept = [...headers].filter(([field]) => field.startsWith('x-amz-meta-'));
        await server.write(of, name, body, Object.fromEntries(kept));
      },
      remove: (name) => server.remove(of, name),
    };
  });

  describe('what is special to S3', () => {
    let proxy: LossyProxy;
    beforeEach(async () => {
      await freshBucket();
      proxy = await startLossyProxy(server);
    });
    afterEach(async () => proxy.close());

    test('mark, type and cache rules stand on the object', async () => {
      const request = bodyRequest('<p>words</p>');
      const fields = { contentType: 'text/html; charset=utf-8', cacheControl: 'max-age=60' };
      await land(publisherAt(server.port, bucket, fields), request);
      const { headers } = (await server.object(bucket, `${PREFIX}/post.md`)) ?? {};
      const kept = [
        'content-type',
        'cache-control',
        ...['key', 'revision', 'fingerprint', 'sha256'].map((f) => `x-amz-meta-nightshift-${f}`),
      ];
      expect(kept.map((name) => headers?.get(name))).toEqual([
        'text/html; charset=utf-8',
        'max-age=60',
        request.effectKey,
        '1',
        request.fingerprint,
        request.sha256,
      ]);
    });

    test('the receipt has the public URL when the operator says where the target is served', async () => {
      const publicUrl = 'https://cdn.example.org/articles/';
      const end = await land(
        publisherAt(server.port, bucket, { publicUrl, key: 'ä/1 2.md' }),
        bodyRequest('x'),
      );
      expect(end).toMatchObject({
        receipt: {
          id: `s3://${bucket}/${PREFIX}/ä/1 2.md`,
          url: 'https://cdn.example.org/articles/%C3%A4/1%202.md',
        },
      });
    });

    test('the store is asked about conditions once in a process, not for every effect', async () => {
      for (const slug of ['a', 'b', 'c'])
        await land(
          publisherAt(proxy.port, bucket, { key: `${slug}.md` }),
          bodyRequest(slug, { effectKey: keyOf(slug) }),
        );
      expect(proxy.seen.filter(({ path }) => path.includes('.nightshift-probe'))).toHaveLength(2);
      expect(proxy.seen.filter(({ method }) => method === 'PUT')).toHaveLength(5);
    });

    test('an object whose ETag is no MD5 is read, and its content decides', async () => {
      await land(publisherAt(server.port, bucket), bodyRequest('words'));
      const { headers } = (await server.object(bucket, `${PREFIX}/post.md`)) ?? {};
      const marks = [...(headers ?? [])].filter(([name]) => /^x-amz-meta-nightshift-(?!md5)/.test(name));
      await server.write(bucket, `${PREFIX}/post.md`, 'words', Object.fromEntries(marks));
      const look = () => publisherAt(proxy.port, bucket).lookup?.(bodyRequest('words'), context);
      expect((await look())?.kind).toBe('ours');
      expect(proxy.seen.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
      await server.write(bucket, `${PREFIX}/post.md`, 'other', Object.fromEntries(marks));
      expect((await look())?.kind).toBe('theirs');
    });

    test('a race that the store reports is tried again, not taken for a conflict', async () => {
      const body = '<Error><Code>ConditionalRequestConflict</Code><Message>at work</Message></Error>';
      proxy.next({ kind: 'answer', status: 409, body }, ({ path }) => path.includes('post.md'));
      const create = publisherAt(proxy.port, bucket).create(bodyRequest('words'), context);
      await expect(create).rejects.toMatchObject({ errorClass: 'transient', facts: { sent: 'rejected' } });
    });

    test('a bucket that is not there is trouble of the configuration, and nothing was sent', async () => {
      const create = publisherAt(server.port, 'no-such-bucket').create(bodyRequest('words'), context);
      await expect(create).rejects.toMatchObject({
        errorClass: 'config',
        message: expect.stringMatching(/NoSuchBucket.*check the bucket/) as string,
        facts: { sent: 'no' },
      });
    });

    test('credentials that a store repeats are in no error', async () => {
      const token = 'session-token-that-is-secret';
      const fields = { sessionToken: token };
      const said = `you sent ${SECRET}, ${encodeURIComponent(SECRET)} and ${token}`;
      const body = `<Error><Code>AccessDenied</Code><Message>${said}</Message></Error>`;
      const publisher = publisherAt(proxy.port, bucket, fields);
      proxy.next({ kind: 'answer', status: 403, body }, ({ path }) => path.includes('post.md'));
      const error = publisher.classify(
        await publisher.create(bodyRequest('words'), context).catch((thrown: unknown) => thrown),
        'create',
      );
      expect(error).toMatchObject({ errorClass: 'auth', facts: { sent: 'rejected', code: 'AccessDenied' } });
      const shown = `${error.message} ${JSON.stringify(error)} ${String(error.cause)} ${error.stack}`;
      expect(shown).toMatch(/you sent \*\*\*/);
      for (const secret of [SECRET, encodeURIComponent(SECRET), token]) expect(shown).not.toContain(secret);
    });

    test('credentials are in no receipt and no finding', async () => {
      const publisher = publisherAt(server.port, bucket);
      const shown = JSON.stringify([
        await land(publisher, bodyRequest('x')),
        await publisher.probe?.(context),
      ]);
      expect(shown).not.toContain(SECRET);
    });
  });
});

describe('s3, with a store that ignores conditions', () => {
  const BUCKET = 'bucket';
  let server: S3Server;
  beforeEach(async () => {
    server = await startUnconditionalS3();
  });
  afterEach(async () => server.stop());
  const unchecked = () => publisherAt(server.port, BUCKET, { onUnconditional: 'check-then-put' });

  test('it really does: a second write takes the name of the first', async () => {
    const headers = { 'if-none-match': '*' };
    await server.write(BUCKET, 'a', 'first', headers);
    await server.write(BUCKET, 'a', 'second', headers);
    expect((await server.object(BUCKET, 'a'))?.body.toString()).toBe('second');
  });

  test('is refused before any effect is sent', async () => {
    const publisher = publisherAt(server.port, BUCKET);
    for (let tries = 0; tries < 2; tries++) {
      await expect(land(publisher, bodyRequest('words'))).rejects.toMatchObject({
        errorClass: 'config',
        message: expect.stringMatching(/If-None-Match.*onUnconditional/) as string,
        facts: { sent: 'no' },
      });
    }
    expect(await server.names(BUCKET)).toEqual([`${PREFIX}/.nightshift-probe`]);
  });

  test('is told apart by a probe', async () => {
    const findings = await publisherAt(server.port, BUCKET).probe?.(context);
    expect(findings?.map(({ status }) => status)).toEqual(['ok', 'fail']);
  });

  test('with check-then-put the publisher says that it promises less', async () => {
    expect(publisherAt(server.port, BUCKET).facts).toMatchObject({ class: 1, settleMs: 0 });
    expect(unchecked().facts).toMatchObject({ class: 3, lookup: 'exact' });
    expect(unchecked().facts.settleMs).toBeGreaterThanOrEqual(110_000);
    expect((await unchecked().probe?.(context))?.map(({ status }) => status)).toEqual(['ok', 'warn']);
  });

  test('with check-then-put an effect lands once, and what is there already stays', async () => {
    const request = bodyRequest('words');
    expect((await land(unchecked(), request)).kind).toBe('landed');
    expect(await land(unchecked(), request)).toMatchObject({ kind: 'adopted', sent: false });
    expect(ours(await unchecked().create(bodyRequest('later'), context)).sha256).toBe(request.sha256);
    await server.write(BUCKET, `${PREFIX}/theirs.md`, 'their words');
    const theirs = publisherAt(server.port, BUCKET, { key: 'theirs.md', onUnconditional: 'check-then-put' });
    expect((await theirs.create(bodyRequest('words'), context)).kind).toBe('theirs');
    expect((await server.object(BUCKET, `${PREFIX}/theirs.md`))?.body.toString()).toBe('their words');
    expect(await server.names(BUCKET)).toEqual([`${PREFIX}/post.md`, `${PREFIX}/theirs.md`]);
  });
});
