import { type EffectState, isFinished } from '../contract/states.js';
import { discardedText } from '../contract/discarded-text.js';
import type { KnownJob, Verdict } from '../ledger/ledger.js';

/** A job as a batch wants it: payload, revision, and the effects that must have landed. */
export interface WantedJob {
  readonly fingerprint: string;
  readonly revision: number;
  readonly effectKeys: readonly string[];
}

export type Judgement = { readonly verdict: Verdict; readonly note?: string };

/**
 * What a start has to do about one job, from what the ledger knows. The same rule serves `plan`, `openBatch`
 * and the decision whether a finished batch has anything left to do.
 */
export function judge(wanted: WantedJob, known: KnownJob | undefined): Judgement {
  if (known === undefined) return { verdict: 'new' };
  // A higher revision is new work; all else is what a person has decided about.
  if (known.discarded && wanted.revision <= known.revision) {
    return { verdict: 'discarded', note: discardedText(known.discarded) };
  }
  const samePayload = known.fingerprint === wanted.fingerprint;

  if (wanted.revision > known.revision) return { verdict: touchedOutside(known) ? 'update' : 'resume' };
  if (wanted.revision < known.revision) return conflict(wanted, known);
  if (!samePayload) return touchedOutside(known) ? conflict(wanted, known) : { verdict: 'resume' };
  if (known.state === 'parked') return { verdict: 'parked' };
  if (known.heldForSession) return { verdict: 'held' };

  const landed = wanted.effectKeys.every((key) => hasLanded(known, key, wanted.revision));
  return { verdict: landed && isFinished(known.state) ? 'adopt' : 'resume' };
}

/** Verdicts of jobs that a start begins. */
export const RUNS: ReadonlySet<Verdict> = new Set<Verdict>(['new', 'resume', 'update']);

/** Whether a job that is begun may have to pay for a session: nothing is stored that was made for it as it is now. */
export const needsSession = (
  { fingerprint, revision }: Pick<WantedJob, 'fingerprint' | 'revision'>,
  known: KnownJob | undefined,
): boolean =>
  known?.artifact === undefined || known.fingerprint !== fingerprint || known.revision !== revision;

/** Whether an effect needs nothing more at this revision, as far as the ledger knows. */
export const hasLanded = (
  known: Pick<KnownJob, 'effects'> | undefined,
  effectKey: string,
  revision: number,
): boolean => {
  const effect = known?.effects.get(effectKey);
  return effect?.state === 'landed' && effect.revision >= revision;
};

/**
 * While nothing was ever sent, nobody outside has seen the old payload, and it may change freely. A held or failed
 * effect may have been sent or not: the claim of the job, which knows, decides.
 */
const touchedOutside = (known: KnownJob): boolean =>
  [...known.effects.values()].some(({ state }) => SEEN.has(state));
const SEEN: ReadonlySet<EffectState> = new Set<EffectState>(['attempting', 'landed', 'unknown']);

function conflict(wanted: WantedJob, known: KnownJob): Judgement {
  return {
    verdict: 'conflict',
    note:
      `the ledger has revision ${known.revision} with fingerprint ${known.fingerprint.slice(0, 12)}, ` +
      `the batch asks for revision ${wanted.revision} with fingerprint ${wanted.fingerprint.slice(0, 12)}; ` +
      `nothing was changed. To publish the new version, set revision to ${known.revision + 1}`,
  };
}
