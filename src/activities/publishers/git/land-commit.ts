import { AdapterError } from '../../../contract/errors.js';
import { jitterOf } from '../../../policy/jitter.js';
import type { EffectRequest, FoundEffect, PublisherContext } from '../publisher.js';
import { GitFailed, RefMoved, gitError, unclearPush } from './errors.js';
import { intentDates, type IntentDates } from './intent-date.js';
import { commitMessage } from './message.js';
import type { GitOptions } from './options.js';
import { pushEndOf, type PushEnd } from './push-end.js';
import { PROBE_REF, claimRef, type Claim, type ClaimPlace, type RemoteRefs } from './refs.js';
import type { Remote } from './remote.js';
import type { Change, OpenClone, Repository } from './repository.js';

/** Pushes that find the branch moved. Each lost race means that somebody else's push landed in between. */
const RACES_MAX = 16;
const PAUSE_MS = 60;
const PAUSE_MS_MAX = 2_000;

export interface LandingParts {
  readonly repository: Repository;
  readonly remote: Remote;
  readonly options: GitOptions;
  readonly datesDir: string;
}

export interface Intent {
  readonly request: EffectRequest;
  readonly revision: number;
  readonly kind: Claim['kind'];
  readonly doing: string;
  /** What the destination holds once the commit has landed. */
  readonly landed: (commit: string, path: string) => FoundEffect;
}

/** What is to be done, decided anew on each state of the remote. */
export type Decision =
  | { readonly kind: 'answer'; readonly found: FoundEffect }
  | { readonly kind: 'commit'; readonly changes: readonly Change[]; readonly path: string };

/**
 * A server shows the refs of one transaction one after another: for a moment there is a claim without its commit on the
 * branch, or a file without its claim. What would need a person is looked at again after that moment.
 */
export const CONFIRM_MS = 250;
export const needsConfirmation = ({ kind }: FoundEffect): boolean => kind === 'theirs' || kind === 'removed';

/** Where each remote takes claims, as its answer to a probe has shown in this process. */
const placesKnown = new Map<string, ClaimPlace>();

/**
 * Lands one commit together with its claim, in one atomic push. A push that was refused has changed nothing, so this
 * loop may look, build and push again; it is the only repetition in the publisher, and it is bounded.
 * @param decide sees a state that is fresh from the remote; what it answers ends the loop
 */
export async function landCommit(
  parts: LandingParts,
  intent: Intent,
  context: PublisherContext,
  decide: (clone: OpenClone, refs: RemoteRefs) => Promise<Decision>,
): Promise<FoundEffect> {
  const { repository, datesDir } = parts;
  const { effectKey } = intent.request;
  const dates = intentDates(datesDir);
  let confirmed = false;
  for (let races = 0; ;) {
    const refs = await repository.remoteRefs(effectKey, context.signal);
    const end = await repository
      .inClone(context.signal, async (clone) => {
        const decision = await decide(clone, refs);
        return decision.kind === 'answer'
          ? decision
          : push(parts, intent, context, clone, refs, decision, dates);
      })
      .catch(racedWhereMoved);
    switch (end.kind) {
      case 'answer':
        if (!confirmed && needsConfirmation(end.found)) {
          confirmed = true;
          await context.sleep(CONFIRM_MS);
          continue;
        }
        await dates.forget(dateName(intent));
        return end.found;
      case 'landed':
        await dates.forget(dateName(intent));
        return intent.landed(end.commit, end.path);
      case 'refused':
        throw refused(intent, end.why);
      case 'raced':
        if (++races > RACES_MAX) throw tooManyRaces(intent, races);
        await context.sleep(pauseMs(races, `${process.pid}:${effectKey}`));
    }
  }
}

type Pushed =
  | Exclude<PushEnd, { kind: 'unclear' | 'landed' }>
  | { readonly kind: 'landed'; readonly commit: string; readonly path: string };

async function push(
  { remote, options }: LandingParts,
  intent: Intent,
  context: PublisherContext,
  clone: OpenClone,
  refs: RemoteRefs,
  { changes, path }: Extract<Decision, { kind: 'commit' }>,
  dates: IntentDates,
): Promise<Pushed> {
  const { request, revision, kind } = intent;
  const { effectKey, fingerprint } = request;
  if (refs.tip === undefined && refs.hasBranches) {
    throw new AdapterError(
      'config',
      `${remote.url} has no branch ${JSON.stringify(options.branch)} [use=git]; create it, or name another in with.branch`,
      { sent: 'no' },
    );
  }
  const place = await claimPlace(remote, options, clone, refs, intent.doing);
  const date =
    options.date === undefined ? await dates.of(dateName(intent), context.now()) : new Date(options.date);
  const text = kind === 'publish' ? (options.message ?? '') : '';
  const commit = await clone.commit({
    parent: refs.tip,
    changes,
    message: commitMessage(text, { effectKey, revision, fingerprint, path }, kind),
    date,
  });
  if (context.signal.aborted) throw new AdapterError('transient', 'stopped before the push', { sent: 'no' });
  const claim = claimRef(place, effectKey, revision, kind);
  const end = await clone.push({ commit, branch: options.branch, tip: refs.tip, claim });
  const pushed = pushEndOf(end);
  if (pushed.kind === 'unclear') throw unclearPush(end, intent.doing);
  return pushed.kind === 'landed' ? { kind: 'landed', commit, path } : pushed;
}

/**
 * Some hosts take branches and tags only. That must be known before content is pushed: receive-pack lands the other
 * refs of an atomic push beside one that it hides (seen with git 2.39).
 */
async function claimPlace(
  remote: Remote,
  { claims }: GitOptions,
  clone: OpenClone,
  refs: RemoteRefs,
  doing: string,
): Promise<ClaimPlace> {
  if (claims === 'tags') return claims;
  const known = refs.takesRefs ? 'refs' : placesKnown.get(remote.hash);
  if (known === 'refs' || (known === 'tags' && claims === undefined)) return known;
  const end = await clone.pushProbe(PROBE_REF);
  const probed = pushEndOf(end);
  if (probed.kind === 'unclear') throw gitError(new GitFailed('push', end), doing);
  const place = probed.kind === 'refused' ? 'tags' : 'refs';
  placesKnown.set(remote.hash, place);
  if (place === 'refs' || claims === undefined) return place;
  throw new AdapterError(
    'config',
    `${remote.url} does not take refs under refs/nightshift [use=git]; set with.claims to tags, or leave it out`,
    { sent: 'no' },
  );
}

const dateName = ({ request, revision, kind }: Intent): string => `${request.effectKey}-${revision}-${kind}`;

/** Full jitter under a ceiling that doubles. */
const pauseMs = (races: number, who: string): number =>
  Math.ceil(Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** races) * jitterOf(`${who}:${races}`));

function racedWhereMoved(error: unknown): { readonly kind: 'raced' } {
  if (error instanceof RefMoved) return { kind: 'raced' };
  throw error;
}

const tooManyRaces = ({ doing }: Intent, races: number): AdapterError =>
  new AdapterError(
    'transient',
    `${doing}: the branch moved ${races} times in a row before our push [use=git]; nothing was pushed`,
    { sent: 'no' },
  );

function refused({ doing }: Intent, why: string): AdapterError {
  const isRight = /protected|permission|denied|not allowed|unauthori[sz]ed|read.only/i.test(why);
  const fix = isRight
    ? 'let the worker’s user push to this branch'
    : 'a rule or hook of the host does not want this commit';
  return new AdapterError(
    isRight ? 'auth' : 'invalid',
    `${doing}: the push was refused [use=git]: ${why}; ${fix}`,
    {
      sent: 'rejected',
    },
  );
}
