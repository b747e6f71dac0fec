import { createHash } from 'node:crypto';

/** Of nightshift's own; never changed, or a lost start would no longer be known by its id. */
const NAMESPACE = '5b1f6f0e7c5d4f0c9a3e2d8b4c6a7e90';

/**
 * The id that a run has at a CLI that takes one: UUID version 5 (RFC 9562) of run key and attempt, so that the CLI
 * itself knows a session whose start was lost.
 */
export function sessionIdOf({
  runKey,
  attempt,
}: {
  readonly runKey: string;
  readonly attempt: number;
}): string {
  const hash = createHash('sha1')
    .update(Buffer.from(NAMESPACE, 'hex'))
    .update(`${runKey}:${attempt}`)
    .digest()
    .subarray(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
