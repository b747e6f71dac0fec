import { z } from 'zod';
import { AdapterError } from '../../../contract/errors.js';
import type { Receipt } from '../../../contract/receipt.js';
import {
  definePublisher,
  type BodyRequest,
  type FoundEffect,
  type Publisher,
  type PublisherContext,
  type PublisherSetup,
} from '../publisher.js';
import { systemDisk, type Disk } from './disk.js';
import { appendMark, placeNew, removeIfStill, replaceFile } from './place-file.js';
import { probeFolder } from './probe.js';
import { safePath } from './safe-path.js';
import { standingAt } from './standing.js';
import { asAdapterError } from './system-errors.js';
import { findEffect, isClaim, makeTarget, openTarget, otherOwner, rootThere, type Target } from './target.js';

export interface FolderOptions {
  /** Of the file, inside the target; folders on the way are made. */
  readonly path: string;
}

/**
 * Files in a folder. Class 1: a name is taken by `link`, which refuses one that exists.
 *
 *  F1. A file under its name is whole, and on disk before anybody says that it landed.
 *  F2. A file that our journal does not name, or names with another hash or for another effect, is never touched.
 *  F3. Nothing is written outside the target, whatever a job's fields hold.
 *  F4. Beside the files of effects there is one hidden journal, and temporary files only after a crash.
 *
 * Not promised: that an edit made in the moment of an update survives it; there is no compare-and-rename.
 */
export const folder = definePublisher<FolderOptions>({
  name: 'folder',
  version: '1',
  options: z.strictObject({ path: z.string().min(1).describe('file inside target') }),
  create: (setup) => folderPublisher(setup),
});

/** @param disk tests stand in for it */
export function folderPublisher(
  setup: Pick<PublisherSetup<FolderOptions>, 'options' | 'baseDir' | 'target'>,
  disk: Disk = systemDisk,
): Publisher {
  const { options, baseDir } = setup;
  const path = safePath(options.path);

  return {
    facts: { name: 'folder', class: 1, lookup: 'exact', settleMs: 0, unpublish: 'delete' },

    async lookup({ target, effectKey }) {
      const opened = await openTarget(await rootThere(target, baseDir), disk);
      return opened ? findEffect(opened, path, effectKey) : { kind: 'absent' };
    },

    async create(request, context) {
      const target = await makeTarget(await rootThere(request.target, baseDir), disk);
      const found = await findEffect(target, path, request.effectKey);
      if (found.kind === 'ours') return currentOrLater(found, request);
      if (found.kind === 'theirs') return adoptTwinOf(target, path, found, request, context);
      await placeNew(target, path, request, context);
      // Also when the name was taken meanwhile: whoever won, this is what is there.
      return findEffect(target, path, request.effectKey);
    },

    async update(request, before, context) {
      const target = await makeTarget(await rootThere(request.target, baseDir), disk);
      return updateEffect(target, path, request, before, context);
    },

    async discard(placed, request) {
      const target = await openTarget(await rootThere(request.target, baseDir), disk);
      if (target) await removeIfStill(target, safePath(placed.id), placed.sha256);
    },

    async unpublish(request, receipt) {
      const target = await openTarget(await rootThere(request.target, baseDir), disk);
      if (!target) return;
      const at = safePath(receipt.id);
      const standing = await standingAt(target.root, at);
      if (standing.kind !== 'absent' && (standing.kind !== 'file' || standing.sha256 !== receipt.sha256)) {
        throw new AdapterError('conflict', `${at} was changed since it was published; it stays`, {
          sent: 'no',
        });
      }
      await target.journal.refresh();
      if (otherOwner(target.journal, at, standing, request.effectKey) !== undefined)
        throw new AdapterError('conflict', `${at} is the file of another effect; it stays`, { sent: 'no' });
      await removeIfStill(target, at, receipt.sha256);
    },

    async probe() {
      return probeFolder(await rootThere(setup.target, baseDir));
    },

    classify: (error, during) => asAdapterError(error, during),
  };
}

/** An older revision that landed while this one was being created is to be updated, not taken for it. */
function currentOrLater(found: Extract<FoundEffect, { kind: 'ours' }>, request: BodyRequest): FoundEffect {
  const { revision } = found.placed;
  if (revision === undefined || revision >= request.revision) return found;
  throw new AdapterError('transient', `revision ${revision} has just landed; looking again`, { sent: 'no' });
}

/** A file that nobody marked and that has exactly our bytes is taken over: writing it would change nothing. */
async function adoptTwinOf(
  target: Target,
  path: string,
  theirs: FoundEffect,
  request: BodyRequest,
  context: PublisherContext,
): Promise<FoundEffect> {
  const standing = await standingAt(target.root, path);
  if (standing.kind !== 'file' || standing.sha256 !== request.sha256) return theirs;
  await target.journal.refresh();
  const owner = target.journal.ownerOf(path, standing) ?? target.journal.lastToMark(path);
  if (owner !== undefined && owner !== request.effectKey) return theirs;
  await appendMark(target, path, request, standing.file, context);
  return findEffect(target, path, request.effectKey);
}

async function updateEffect(
  target: Target,
  path: string,
  request: BodyRequest,
  before: Receipt,
  context: PublisherContext,
): Promise<FoundEffect> {
  const { effectKey, revision, sha256 } = request;
  const found = await findEffect(target, path, effectKey);
  // Without our marks the receipt still proves which bytes are ours.
  const from = found.kind === 'ours' ? found.placed : { id: safePath(before.id), sha256: before.sha256 };
  const standing = await standingAt(target.root, from.id);
  if (standing.kind !== 'file' || standing.sha256 !== from.sha256) return found;
  if (otherOwner(target.journal, from.id, standing, effectKey) !== undefined) return found;

  if ('revision' in from && from.revision !== undefined && from.revision > revision) {
    return { kind: 'theirs', location: from.id, why: `has revision ${from.revision}, this is ${revision}` };
  }
  if (from.id !== path) {
    return moveEffect(target, path, from, request, context);
  } else if (standing.sha256 === sha256) {
    await appendMark(target, path, request, standing.file, context);
  } else {
    await replaceFile(target, path, standing, request, context);
  }
  return findEffect(target, path, effectKey);
}

/** The path changed with the revision: the new file comes first, so that the effect is always somewhere. */
async function moveEffect(
  target: Target,
  path: string,
  from: { readonly id: string; readonly sha256: string },
  request: BodyRequest,
  context: PublisherContext,
): Promise<FoundEffect> {
  const here = await standingAt(target.root, path);
  const free = here.kind === 'absent' || isClaim(here, request.effectKey);
  if (!free || !(await placeNew(target, path, request, context))) {
    return { kind: 'theirs', location: path, why: `this path is taken; ${from.id} stays as it was` };
  }
  await removeIfStill(target, from.id, from.sha256);
  return findEffect(target, path, request.effectKey);
}
