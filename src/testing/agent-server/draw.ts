import { createHash } from 'node:crypto';

/** Whose request it is. Requests that name no run have an empty key and attempt 0. */
export interface Who {
  readonly runKey: string;
  readonly attempt: number;
}

export const NOBODY: Who = { runKey: '', attempt: 0 };

/** All choices that one request or run needs. The same question always gets the same answer. */
export interface Draw {
  /** From 0 (included) to 1 (excluded). */
  unit(what: string): number;
  /** A whole number, both ends included. */
  int(what: string, min: number, max: number): number;
  pick<T>(what: string, from: readonly [T, ...T[]]): T;
  /** Lower-case hex, up to 64 characters. */
  hex(what: string, length: number): string;
}

/**
 * Choices made by SHA-256 of `seed | runKey | attempt | call | nth`, never by a generator that calls share: the
 * order in which requests arrive can't change what any of them gets.
 * @param nth counts the same call of the same run and attempt, from 1
 */
export function drawFor(seed: string, { runKey, attempt }: Who, call: string, nth: number): Draw {
  const digest = (what: string): Buffer =>
    createHash('sha256')
      .update([seed, runKey, attempt, `${call}/${what}`, nth].join('|'))
      .digest();
  const unit = (what: string): number => digest(what).readUIntBE(0, 6) / 2 ** 48;
  return {
    unit,
    int: (what, min, max) => min + Math.floor(unit(what) * (max - min + 1)),
    pick: (what, from) => from[Math.floor(unit(what) * from.length)] ?? from[0],
    hex: (what, length) => digest(what).toString('hex').slice(0, length),
  };
}

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
