/**
 * A number from 0 to 1 made from text: the same for the same job and try, different for siblings. Chance would do
 * as well, but this way a night can be replayed with equal waits.
 * FNV-1a, 32 bits, http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function jitterOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // FNV's high bits are weak for short texts that differ in the last character; mix once more.
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  return (hash >>> 0) / 2 ** 32;
}
