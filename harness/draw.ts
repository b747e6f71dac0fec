import { createHash } from 'node:crypto';

/**
 * A number from 0 (included) to 1 (excluded), made by SHA-256 of what it is for and nothing else: neither the order of
 * requests nor the script under test can change what any of them meets.
 * @param nth counts the same step of the same key, from 1
 */
export function draw(seed: string, key: string, step: string, nth = 1): number {
  const digest = createHash('sha256').update([seed, key, step, nth].join('|')).digest();
  return digest.readUIntBE(0, 6) / 2 ** 48;
}

/** A whole number, both ends included. */
export const drawInt = (seed: string, key: string, step: string, min: number, max: number): number =>
  min + Math.floor(draw(seed, key, step) * (max - min + 1));
