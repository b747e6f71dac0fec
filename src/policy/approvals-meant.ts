import type { ApprovalChoice } from '../contract/approval.js';
import { UsageError } from '../contract/errors.js';
import type { Approval } from '../ledger/ledger.js';
import { asShown, changedSince, fitting, shownApproval } from './as-shown.js';

type Known = Pick<Approval, 'effectKey' | 'requestSha256' | 'jobKey' | 'state'>;

const isWaiting = ({ state }: Known): boolean => state === 'waiting';

/**
 * Those that are meant, each once: what waits, or else what was answered before, so that whoever answers twice is told
 * what was answered first. Nothing is meant by nothing.
 * @param known all there ever were
 * @throws UsageError when one of the names stands for nothing, for several, or for what is asked no more
 */
export function approvalsMeant<T extends Known>(
  known: readonly T[],
  { effects = [], jobs = [], all = false }: ApprovalChoice,
): readonly T[] {
  if (all) return known.filter(isWaiting);
  const named = [
    ...effects.map((name) => effectMeant(name, known)),
    ...jobs.map((name) => jobMeant(name, known)),
  ];
  return [...new Set(named.flat())];
}

function effectMeant<T extends Known>(name: string, known: readonly T[]): readonly T[] {
  const { ofKey, same } = asShown(name, known, shownApproval);
  const meant = waitingElseAnswered(same).slice(-1);
  if (meant.length > 0) return meant;
  throw new UsageError(ofKey.length > 0 ? changedSince(name) : nothingWaits(name));
}

function jobMeant<T extends Known>(name: string, known: readonly T[]): readonly T[] {
  const meant = waitingElseAnswered(fitting(name, known, 'jobKey'));
  if (meant.length > 0) return meant;
  throw new UsageError(nothingWaits(name));
}

function waitingElseAnswered<T extends Known>(known: readonly T[]): readonly T[] {
  const waiting = known.filter(isWaiting);
  return waiting.length > 0 ? waiting : known.filter(({ state }) => state !== 'replaced');
}

const nothingWaits = (name: string): string =>
  `nothing waits for approval under ${name}; "nightshift approve" lists what does`;
