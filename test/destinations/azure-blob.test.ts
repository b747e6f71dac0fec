/**
 * The publisher `azure-blob` against azurite. Blobs are looked at through a client of the test's own.
 */
import {
  generateBlobSASQueryParameters,
  ContainerSASPermissions,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import type { ContainerClient } from '@azure/storage-blob';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { azureBlobOptions } from '../../src/activities/publishers/azure-blob/options.js';
import { azureBlobPublisher } from '../../src/activities/publishers/azure-blob/publisher.js';
import type { Publisher } from '../../src/activities/publishers/publisher.js';
import { land, receiptIn } from '../support/land.js';
import { startLossyProxy, type LossyProxy } from '../support/lossy-proxy.js';
import { objectPublisherSuite, PREFIX } from '../support/object-publisher-suite.js';
import { azuriteFolder, startAzurite, type AzuriteServer } from '../support/servers/azurite.js';
import { bodyRequest, context } from '../unit/folder-fixture.js';

const azurite = await azuriteFolder();
let containers = 0;

describe.runIf(azurite !== undefined)('azure-blob', () => {
  let server: AzuriteServer;
  let container: ContainerClient;
  let name: string;
  beforeAll(async () => {
    server = await startAzurite(azurite ?? '');
  });
  afterAll(async () => server?.stop());
  const freshContainer = async () => {
    name = `nightshift-${++containers}`;
    container = server.container(name);
    await container.create();
  };
  const publisherAt = (target: string, fields: Readonly<Record<string, unknown>>): Publisher =>
    azureBlobPublisher({ options: azureBlobOptions.parse({ key: 'post.md', ...fields }), target });
  const byString = (port = server.port, fields: Readonly<Record<string, unknown>> = {}) =>
    publisherAt(`${name}/${PREFIX}`, { connectionString: server.connectionString(port), ...fields });

  objectPublisherSuite(async () => {
    await freshContainer();
    const of = container;
    const target = `${name}/${PREFIX}`;
    return {
      port: server.port,
      publisher: (key, port = server.port) =>
        publisherAt(target, { connectionString: server.connectionString(port), key }),
      object: async (blob) => {
        const client = of.getBlobClient(blob);
        if (!(await client.exists())) return undefined;
        const { etag } = await client.getProperties();
        return { body: await client.downloadToBuffer(), etag };
      },
      names: async () => {
        const names: string[] = [];
        for await (const blob of of.listBlobsFlat()) names.push(blob.name);
        return names.sort();
      },
      overwrite: async (blob, body, keepMetadata = false) => {
        const client = of.getBlockBlobClient(blob);
        const { metadata } = keepMetadata ? await client.getProperties() : {};
        await client.upload(body, Buffer.byteLength(body), metadata && { metadata });
      },
      remove: async (blob) => void (await of.deleteBlob(blob)),
    };
  });

  describe('what is special to Azure', () => {
    let proxy: LossyProxy;
    beforeEach(async () => {
      await freshContainer();
      proxy = await startLossyProxy(server);
    });
    afterEach(async () => proxy.close());
    const accountUrl = () => `http://127.0.0.1:${server.port}/${server.account}`;

    /** A signature for one container. @param rights such as `rcw` */
    const signature = (rights: string) =>
      generateBlobSASQueryParameters(
        {
          containerName: name,
          permissions: ContainerSASPermissions.parse(rights),
          expiresOn: new Date(Date.now() + 3_600_000),
        },
        new StorageSharedKeyCredential(server.account, server.accountKey),
      ).toString();

    test('mark, type and cache rules stand on the blob', async () => {
      const request = bodyRequest('<p>words</p>');
      const fields = { contentType: 'text/html; charset=utf-8', cacheControl: 'max-age=60' };
      await land(byString(server.port, fields), request);
      expect(await container.getBlobClient(`${PREFIX}/post.md`).getProperties()).toMatchObject({
        contentType: 'text/html; charset=utf-8',
        cacheControl: 'max-age=60',
        metadata: {
          nightshift_key: request.effectKey,
          nightshift_revision: '1',
          nightshift_fingerprint: request.fingerprint,
          nightshift_sha256: request.sha256,
        },
      });
    });

    test('the receipt has the blob’s URL, or the public one', async () => {
      const key = 'ä/1 2.md';
      expect(await land(byString(server.port, { key }), bodyRequest('x'))).toMatchObject({
        receipt: {
          id: `${accountUrl()}/${name}/${PREFIX}/ä/1 2.md`,
          url: `${accountUrl()}/${name}/${PREFIX}/%C3%A4/1%202.md`,
        },
      });
      const publicUrl = 'https://cdn.example.org/articles';
      expect(await land(byString(server.port, { key, publicUrl }), bodyRequest('x'))).toMatchObject({
        receipt: { url: 'https://cdn.example.org/articles/%C3%A4/1%202.md' },
      });
    });

    test('account, container and prefix may be an URL, with a key, a signature, or a connection string', async () => {
      const target = `${accountUrl()}/${name}/${PREFIX}`;
      const request = bodyRequest('words');
      const byKey = publisherAt(target, { accountKey: server.accountKey });
      expect(await land(byKey, request)).toMatchObject({ kind: 'landed', sent: true });
      for (const credentials of [
        { sasToken: signature('rcw') },
        { sasToken: `?${signature('rcw')}` },
        { connectionString: server.connectionString() },
      ])
        expect(await land(publisherAt(target, credentials), request)).toMatchObject({ sent: false });
      const inContainer = { connectionString: server.connectionString(), container: name };
      expect(await land(publisherAt(PREFIX, inContainer), request)).toMatchObject({ sent: false });
    });

    test('another account than that of the connection string is refused', async () => {
      const target = `https://another.blob.core.windows.net/${name}`;
      const publisher = publisherAt(target, { connectionString: server.connectionString() });
      await expect(publisher.lookup?.(bodyRequest(''), context)).rejects.toMatchObject({
        errorClass: 'config',
      });
    });

    test('a blob that was put together from blocks has no MD5: it is read, and its content decides', async () => {
      await land(byString(), bodyRequest('words'));
      const blob = container.getBlockBlobClient(`${PREFIX}/post.md`);
      const { metadata = {} } = await blob.getProperties();
      const rewrite = async (text: string) => {
        await blob.stageBlock(Buffer.from('1').toString('base64'), text, text.length);
        await blob.commitBlockList([Buffer.from('1').toString('base64')], { metadata });
        expect((await blob.getProperties()).contentMD5).toBeUndefined();
      };
      await rewrite('words');
      const look = () => byString(proxy.port).lookup?.(bodyRequest('words'), context);
      expect((await look())?.kind).toBe('ours');
      expect(proxy.seen.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
      await rewrite('other');
      expect((await look())?.kind).toBe('theirs');
    });

    test('a blob that somebody has leased is not updated, and that is said', async () => {
      const receipt = receiptIn(await land(byString(), bodyRequest('first')));
      await container.getBlobClient(`${PREFIX}/post.md`).getBlobLeaseClient().acquireLease(-1);
      const update = byString().update?.(bodyRequest('second', { revision: 2 }), receipt, context);
      await expect(update).rejects.toMatchObject({
        errorClass: 'conflict',
        facts: { sent: 'rejected', code: 'LeaseIdMissing' },
      });
    });

    test('a container that is not there is trouble of the configuration, also for a look-up', async () => {
      await container.delete();
      const publisher = byString();
      const request = bodyRequest('words');
      const verbs = [() => publisher.lookup?.(request, context), () => publisher.create(request, context)];
      for (const verb of verbs)
        await expect(verb()).rejects.toMatchObject({
          errorClass: 'config',
          message: expect.stringMatching(/ContainerNotFound.*check account and container/) as string,
          facts: { sent: 'rejected' },
        });
      expect(await byString().probe?.(context)).toMatchObject([{ status: 'fail' }]);
    });

    test('a wrong key is trouble of the sign-in', async () => {
      const wrong = Buffer.from('a key of somebody else').toString('base64');
      const publisher = publisherAt(`${accountUrl()}/${name}`, { accountKey: wrong });
      await expect(publisher.create(bodyRequest('words'), context)).rejects.toMatchObject({
        errorClass: 'auth',
        facts: { sent: 'rejected' },
      });
    });

    test('credentials that a service repeats are in no error', async () => {
      const sas = signature('rcw');
      const sig = new URLSearchParams(sas).get('sig') ?? '';
      const target = `http://127.0.0.1:${proxy.port}/${server.account}/${name}`;
      const said = `you sent ${sas} with ${sig} or ${encodeURIComponent(sig)} and ${server.accountKey}`;
      const body = `<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code><Message>${said.replaceAll('&', '&amp;')}</Message></Error>`;
      const headers = { 'content-type': 'application/xml', 'x-ms-error-code': 'AuthenticationFailed' };
      for (const credentials of [
        { sasToken: sas },
        { accountKey: server.accountKey },
        { connectionString: server.connectionString(proxy.port) },
      ]) {
        const publisher = publisherAt(target, credentials);
        proxy.next({ kind: 'answer', status: 403, headers, body });
        const thrown = await publisher.create(bodyRequest('x'), context).catch((error: unknown) => error);
        const error = publisher.classify(thrown, 'create');
        expect(error).toMatchObject({
          errorClass: 'auth',
          message: expect.stringContaining('***') as string,
        });
        const shown = `${error.message} ${JSON.stringify(error)} ${String(error.cause)} ${error.stack}`;
        const [secret = ''] = Object.values(credentials);
        const secrets =
          'sasToken' in credentials ? [sas, sig, encodeURIComponent(sig)] : [secret, server.accountKey];
        for (const each of secrets) expect(shown).not.toContain(each);
      }
    });

    test('credentials are in no receipt and no finding', async () => {
      const target = `${accountUrl()}/${name}/${PREFIX}`;
      const sas = signature('rcw');
      const publisher = publisherAt(target, { sasToken: sas });
      const shown = JSON.stringify([
        await land(publisher, bodyRequest('x')),
        await publisher.probe?.(context),
      ]);
      expect(shown).not.toContain(new URLSearchParams(sas).get('sig'));
      expect(shown).not.toContain('sig=');
    });
  });
});
