/**
 * azurite: Microsoft's own stand-in for Blob Storage, in memory, with an own free port. What a test sees of it and
 * does to it goes through a client of the test's own, not through the adapter.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { folderOfServer, startLoopbackProcess } from './loopback-process.js';

/** Published by Microsoft for everybody, so no secret. */
const ACCOUNT = 'devstoreaccount1';
const ACCOUNT_KEY =
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

export interface AzuriteServer {
  readonly port: number;
  readonly account: string;
  readonly accountKey: string;
  /** @param port of a proxy in front of it */
  connectionString(port?: number): string;
  /** A client of the test's own. */
  container(name: string): ContainerClient;
  stop(): Promise<void>;
}

export const azuriteFolder = (): Promise<string | undefined> => folderOfServer('azurite');

/** The caller stops it, also when its test failed. */
export async function startAzurite(folder: string): Promise<AzuriteServer> {
  const home = mkdtempSync(join(tmpdir(), 'nightshift-azurite-'));
  const program = join(folder, 'node_modules', 'azurite', 'dist', 'src', 'blob', 'main.js');
  const flags = ['--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry', '--silent'];
  const running = await startLoopbackProcess({
    name: 'azurite',
    command: process.execPath,
    args: (port) => [program, ...flags, '--blobHost', '127.0.0.1', '--blobPort', String(port)],
    cwd: home,
  }).catch((error: unknown) => {
    rmSync(home, { recursive: true, force: true });
    throw error;
  });
  const connectionString = (port = running.port) =>
    [
      'DefaultEndpointsProtocol=http',
      `AccountName=${ACCOUNT}`,
      `AccountKey=${ACCOUNT_KEY}`,
      `BlobEndpoint=http://127.0.0.1:${port}/${ACCOUNT}`,
    ].join(';');
  const service = BlobServiceClient.fromConnectionString(connectionString());

  return {
    port: running.port,
    account: ACCOUNT,
    accountKey: ACCOUNT_KEY,
    connectionString,
    container: (name) => service.getContainerClient(name),
    stop: async () => {
      await running.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
