import { join } from 'node:path';
import { AdapterError } from '../../../contract/errors.js';
import type { Receipt } from '../../../contract/receipt.js';
import {
  definePublisher,
  type BodyRequest,
  type EffectRequest,
  type FoundEffect,
  type Publisher,
  type PublisherContext,
  type PublisherSetup,
} from '../publisher.js';
import { RefMoved, gitError } from './errors.js';
import {
  CONFIRM_MS,
  landCommit,
  needsConfirmation,
  type Decision,
  type LandingParts,
} from './land-commit.js';
import { gitOptionsSchema, type GitOptions } from './options.js';
import { probeRepository } from './probe.js';
import type { RemoteRefs } from './refs.js';
import { assertTokenFits, parseRemote } from './remote.js';
import { openRepository, type Change, type OpenClone } from './repository.js';
import {
  findEffect,
  foundOf,
  locationOf,
  placedAt,
  standingByClaims,
  standingOfClaim,
  takenBy,
  type Place,
} from './standing.js';

/** Times that a branch may move under one look-up. */
const MOVES_MAX = 8;

/**
 * Files in a git repository. Class 1: one atomic push creates the commit on the branch and a claim ref that bears the
 * effect key and the revision; the server lets nobody else create that ref again.
 *
 *  G1. Commit and claim land together or not at all.
 *  G2. What has landed is read from the remote itself; our clone is a cache and decides nothing.
 *  G3. A file that our claim does not name is never changed or removed. Branches are never forced.
 *  G4. A push that was refused changed nothing and may be built anew; one without an answer is looked up.
 */
export const git = definePublisher<GitOptions>({
  name: 'git',
  version: '1',
  handling: ['claims', 'allowWorkflows', 'sshKeyFile', 'token', 'user', 'timeout'],
  options: gitOptionsSchema,
  create: (setup) => gitPublisher(setup),
});

export function gitPublisher({
  options,
  target,
  cacheDir,
}: Pick<PublisherSetup<GitOptions>, 'options' | 'target' | 'cacheDir'>): Publisher {
  const remote = parseRemote(target);
  assertTokenFits(remote, options);
  const place: Place = { remote, branch: options.branch, path: options.path.normalize('NFC') };
  const repository = openRepository(remote, options, cacheDir);
  const parts: LandingParts = {
    repository,
    remote,
    options,
    datesDir: join(cacheDir, `${remote.hash}.dates`),
  };

  const lookOnce = async (
    request: EffectRequest,
    context: PublisherContext,
    moves = 0,
  ): Promise<FoundEffect> => {
    const { signal } = context;
    const refs = await repository.remoteRefs(request.effectKey, signal);
    const known = standingByClaims(refs, request, place);
    if (known?.kind === 'answer') return known.found;
    if (known?.kind === 'free' && refs.tip === undefined) return { kind: 'absent' };
    try {
      return await repository.inClone(signal, (clone) => findEffect(clone, refs, request, place));
    } catch (error) {
      if (!(error instanceof RefMoved) || moves >= MOVES_MAX) throw error;
      return lookOnce(request, context, moves + 1);
    }
  };

  const look = async (request: EffectRequest, context: PublisherContext): Promise<FoundEffect> => {
    const found = await lookOnce(request, context);
    if (!needsConfirmation(found)) return found;
    await context.sleep(CONFIRM_MS);
    return lookOnce(request, context);
  };

  const landed = (request: BodyRequest) => (commit: string, path: string) =>
    placedAt({ ...place, path }, commit, request);

  const settled = async (
    request: EffectRequest,
    context: PublisherContext,
    land: () => Promise<FoundEffect>,
  ): Promise<FoundEffect> => {
    try {
      return await land();
    } catch (error) {
      if (!(error instanceof AdapterError) || error.facts.sent !== 'maybe') throw error;
      const found = await look(request, context).catch(() => undefined);
      if (found?.kind === 'ours' && found.placed.revision === request.revision) return found;
      throw error;
    }
  };

  return {
    facts: { name: 'git', class: 1, lookup: 'exact', settleMs: 0, unpublish: 'reverse' },

    lookup: look,

    create: (request, context) =>
      settled(request, context, () =>
        landCommit(
          parts,
          {
            request,
            revision: request.revision,
            kind: 'publish',
            doing: `adding ${place.path}`,
            landed: landed(request),
          },
          context,
          (clone, refs) => decideCreate(clone, refs, request, place),
        ),
      ),

    update: (request, before, context) =>
      settled(request, context, () =>
        landCommit(
          parts,
          {
            request,
            revision: request.revision,
            kind: 'publish',
            doing: `updating ${place.path}`,
            landed: landed(request),
          },
          context,
          (clone, refs) => decideUpdate(clone, refs, request, before, place),
        ),
      ),

    async unpublish(request, receipt, context) {
      await landCommit(
        parts,
        {
          request,
          revision: receipt.revision,
          kind: 'reverse',
          doing: `taking back ${place.path}`,
          landed: () => ({ kind: 'absent' }),
        },
        context,
        (clone, refs) => decideReverse(clone, refs, request, receipt, place),
      );
    },

    probe: (context) => probeRepository({ repository, remote, options, context }),

    classify: (error, during) => gitError(error, `${during} in ${remote.url}`),
  };
}

async function decideCreate(
  clone: OpenClone,
  refs: RemoteRefs,
  request: BodyRequest,
  place: Place,
): Promise<Decision> {
  const found = await findEffect(clone, refs, request, place);
  if (found.kind === 'ours' && (found.placed.revision ?? 0) < request.revision) {
    throw new AdapterError(
      'transient',
      `revision ${found.placed.revision ?? 0} has just landed; looking again`,
      {
        sent: 'no',
      },
    );
  }
  if (found.kind !== 'absent') return { kind: 'answer', found };
  return commitOf([{ path: place.path, blob: await clone.addBlob(request.body) }], place.path);
}

async function decideUpdate(
  clone: OpenClone,
  refs: RemoteRefs,
  request: BodyRequest,
  before: Receipt,
  place: Place,
): Promise<Decision> {
  const standing =
    standingByClaims(refs, request, place) ?? (await standingOfClaim(clone, refs, request, place));
  if (standing.kind !== 'landed')
    return { kind: 'answer', found: await findEffect(clone, refs, request, place) };
  const { landed } = standing;
  const found = foundOf(landed, place);
  if (found.kind !== 'ours' || landed.claim.revision === request.revision) return { kind: 'answer', found };
  const theirs = (why: string, path = landed.mark.path): Decision => ({
    kind: 'answer',
    found: { kind: 'theirs', location: locationOf({ ...place, path }), why },
  });
  if (landed.claim.revision > request.revision)
    return theirs(`has revision ${landed.claim.revision}, this is ${request.revision}`);
  if (landed.sha256 !== before.sha256) return theirs('changed since it was published');

  const blob = await clone.addBlob(request.body);
  const mode = landed.entry?.mode ?? '100644';
  if (landed.mark.path === place.path) return commitOf([{ path: place.path, blob, mode }], place.path);
  // The path changed with the revision: one commit moves it.
  const taken = await takenBy(clone, refs.tip, place);
  if (taken !== undefined)
    return theirs(`this path is taken; ${landed.mark.path} stays as it was`, place.path);
  return commitOf(
    [
      { path: landed.mark.path, blob: undefined },
      { path: place.path, blob, mode },
    ],
    place.path,
  );
}

async function decideReverse(
  clone: OpenClone,
  refs: RemoteRefs,
  request: EffectRequest,
  receipt: Receipt,
  place: Place,
): Promise<Decision> {
  const gone: Decision = { kind: 'answer', found: { kind: 'absent' } };
  if (refs.claims.at(-1)?.kind !== 'publish') return gone;
  const standing = await standingOfClaim(clone, refs, request, place);
  if (standing.kind !== 'landed') throw changedSince(receipt, place);
  const { landed } = standing;
  if (landed.entry === undefined) return gone;
  if (landed.claim.revision !== receipt.revision || landed.sha256 !== receipt.sha256)
    throw changedSince(receipt, place);
  return commitOf([{ path: landed.mark.path, blob: undefined }], landed.mark.path);
}

const commitOf = (changes: readonly Change[], path: string): Decision => ({ kind: 'commit', changes, path });

const changedSince = ({ revision }: Receipt, place: Place): AdapterError =>
  new AdapterError(
    'conflict',
    `${locationOf(place)} was changed since revision ${revision} landed; it was left as it is`,
    { sent: 'no' },
  );
