/**
 * How a person names an effect in an answer: by its key, and by what was shown of it. `3f1c8a…@b27d` is an answer to
 * that one request; once the effect has another artifact, other options or another try, it is an answer to nothing.
 * A bare key, or its first characters, is an answer to whatever is asked at that moment.
 */
import { UsageError } from '../contract/errors.js';
import type { Approval, OpenQuestion } from '../ledger/ledger.js';

const MARK = '@';
const KEY_SHOWN = 12;
const TAG_SHOWN = 8;
/** Fewer characters of a key name nothing. */
const KEY_MIN = 4;

/** An effect that waits for a yes, as `nightshift approve` names it. */
export const shownApproval = ({ effectKey, requestSha256 }: Pick<Approval, 'effectKey' | 'requestSha256'>) =>
  `${effectKey.slice(0, KEY_SHOWN)}${MARK}${requestSha256.slice(0, TAG_SHOWN)}`;

/** An effect of unknown outcome, as `nightshift approve` names it: the question is about the request sent last. */
export const shownQuestion = ({
  effectKey,
  lastSentAt,
}: Pick<OpenQuestion, 'effectKey' | 'lastSentAt'>): string =>
  lastSentAt === undefined ? effectKey : `${effectKey}${MARK}${Date.parse(lastSentAt).toString(36)}`;

interface Shown<T> {
  /** What the name says of the key. */
  readonly key: string;
  /** Those with that key. */
  readonly ofKey: readonly T[];
  /** Those of them that look as they did when they were shown; all, where the name does not say how. */
  readonly same: readonly T[];
}

/**
 * What a name from `shownApproval` or `shownQuestion`, or a bare key, stands for.
 * @throws UsageError when the characters of the key fit several effects
 */
export function asShown<T extends { readonly effectKey: string }>(
  name: string,
  known: readonly T[],
  shownName: (one: T) => string,
): Shown<T> {
  const [key = '', tag] = name.split(MARK);
  const ofKey = fitting(key, known, 'effectKey');
  const isSame = (one: T): boolean => tag === undefined || shownName(one).endsWith(`${MARK}${tag}`);
  return { key, ofKey, same: ofKey.filter(isSame) };
}

/**
 * Those with the one key that begins so.
 * @throws UsageError when several do
 */
export function fitting<K extends 'effectKey' | 'jobKey', T extends Readonly<Record<K, string>>>(
  start: string,
  known: readonly T[],
  of: K,
): readonly T[] {
  const found = start.length < KEY_MIN ? [] : known.filter((one) => one[of].startsWith(start));
  const keys = new Set(found.map((one) => one[of])).size;
  if (keys > 1)
    throw new UsageError(
      `${start} fits ${keys} ${of === 'jobKey' ? 'jobs' : 'effects'}; give more of the key`,
    );
  return found;
}

/** @returns what to say when an effect is asked about, but not as it was shown */
export const changedSince = (name: string): string =>
  `what is asked of ${name} has changed since it was shown: nothing was answered; "nightshift approve" shows it as it is now`;
