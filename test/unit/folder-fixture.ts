import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { systemDisk, type Disk } from '../../src/activities/publishers/folder/disk.js';
import { folderPublisher } from '../../src/activities/publishers/folder/publisher.js';
import type {
  BodyRequest,
  FoundEffect,
  Placed,
  Publisher,
  PublisherContext,
} from '../../src/activities/publishers/publisher.js';
import type { Receipt } from '../../src/contract/receipt.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder of the test's own, gone after it. */
export function aFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'nightshift-test-')));
  folders.push(folder);
  return folder;
}

/** Like the real one, but its journals are read anew: another process. */
export const anotherProcess = (): Disk => ({ ...systemDisk });

export const publisherAt = (baseDir: string, path: string, disk: Disk = systemDisk): Publisher =>
  folderPublisher({ options: { path }, baseDir, target: 'public' }, disk);

export const sha256 = (bytes: Uint8Array | string): string =>
  createHash('sha256').update(bytes).digest('hex');

/** 32 hexadecimal characters made from a word. */
export const keyOf = (word: string): string => sha256(word).slice(0, 32);

export function bodyRequest(text: string, fields: Partial<BodyRequest> = {}): BodyRequest {
  const body = Buffer.from(text);
  return {
    effectKey: keyOf('effect'),
    name: 'post',
    target: 'public',
    revision: 1,
    fingerprint: sha256('payload'),
    work: 'article',
    jobKey: keyOf('job'),
    identity: { slug: 'a' },
    fence: 1,
    sentBefore: false,
    receipt: undefined,
    body,
    sha256: sha256(body),
    mime: undefined,
    ...fields,
  };
}

export const context: PublisherContext = {
  signal: new AbortController().signal,
  now: () => new Date(),
  sleep: async () => undefined,
};

export function ours(found: FoundEffect | undefined): Placed {
  if (found?.kind !== 'ours') throw new Error(`expected ours, found ${JSON.stringify(found)}`);
  return found.placed;
}

export const receiptOf = (placed: Placed, request: BodyRequest): Receipt => ({
  effectKey: request.effectKey,
  revision: placed.revision ?? 1,
  id: placed.id,
  sha256: placed.sha256,
  landedAt: new Date().toISOString(),
  adopted: false,
});

/** Every file below a folder, hidden ones included, sorted. */
export const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
        .sort()
    : [];

export const visibleFilesIn = (folder: string): string[] =>
  filesIn(folder).filter((path) => !path.split('/').some((part) => part.startsWith('.')));

export const journalOf = (root: string): string => readFileSync(join(root, '.nightshift.jsonl'), 'utf8');
