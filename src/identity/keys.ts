/**
 * Every idempotency key there is. Pure: a key depends on its named parts alone, never on a clock, an attempt,
 * a position or chance, and is the same on every host and in every release. Golden vectors pin that.
 */
import { isVolatileField, VOLATILE_PROBLEM } from '../contract/volatile-fields.js';
import { canonicalForm, normaliseValue, type IdentityValue } from './canonical.js';
import { sha256Hex } from './digest.js';

/** Hex characters of a key: 128 bits, so a chance collision among 10^12 keys is below 10^-14. */
const KEY_LENGTH = 32;

/**
 * Key of a list of values, order kept.
 * @throws RangeError for an empty list, which would share its key with a list of one empty value
 */
export function keyOf(values: readonly string[]): string {
  if (values.length === 0) throw new RangeError('a key needs at least one value');
  return sha256Hex(canonicalForm(values)).slice(0, KEY_LENGTH);
}

/**
 * Normal form of an identity, fields in their declared order.
 * @throws RangeError that names the first field whose value can't be part of a key
 */
export function normaliseIdentity(identity: Readonly<Record<string, IdentityValue>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(identity).map(([field, raw]) => {
      const normal = normaliseValue(raw);
      if (!normal.ok) throw new RangeError(`identity field "${field}" ${normal.problem}`);
      return [field, normal.value];
    }),
  );
}

/**
 * Key of a job: its identity values in declared order. Field names and the kind of work are not part of it,
 * so that plain values give exactly SHA-256 of `site:category:slug`.
 * @param identity fields in declared order; at least one
 * @throws RangeError where a value can't be part of a key, or a field says when or how a job runs, not what it is
 */
export function jobKey(identity: Readonly<Record<string, IdentityValue>>): string {
  const field = Object.keys(identity).find(isVolatileField);
  if (field !== undefined) throw new RangeError(`identity field "${field}" ${VOLATILE_PROBLEM}`);
  return storedJobKey(normaliseIdentity(identity));
}

/**
 * The same of an identity that was taken before, in its normal form: releases may differ in what they take, never in the
 * key of what was taken.
 */
export const storedJobKey = (identity: Readonly<Record<string, string>>): string =>
  keyOf(Object.values(identity));

/** Key of one revision of a job at a provider: what a session is looked up by. */
export const runKey = (of: {
  readonly work: string;
  readonly jobKey: string;
  readonly revision: number;
}): string => keyOf([of.work, of.jobKey, String(of.revision)]);

/** Key of one outward action. No revision in it: a higher revision updates what the first one made. */
export const effectKey = (of: {
  readonly work: string;
  readonly jobKey: string;
  readonly name: string;
  readonly target: string;
}): string => keyOf([of.work, of.jobKey, of.name, of.target]);

/** Key of a batch: its name and which jobs it holds, in whatever order and however often they are listed. */
export const batchKey = (of: { readonly name: string; readonly jobKeys: Iterable<string> }): string =>
  keyOf([of.name, [...new Set(of.jobKeys)].sort().join('\n')]);
