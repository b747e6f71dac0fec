import type { SessionProgress, SessionRequest } from '../provider.js';

/** What follows when a start got no answer and no sign of it can be seen. */
export type UnknownStart = 'restart' | 'hold';

/** An agent that acts outside its sandbox is never started a second time unasked. */
export const onUnknownStart = (
  { outward }: Pick<SessionRequest, 'outward'>,
  option: UnknownStart,
): UnknownStart => (outward === true ? 'hold' : option);

/** For a person to decide: `nightshift retry --job` starts another session, which may be a second one. */
export const heldStart = (what: string): SessionProgress => ({
  kind: 'failed',
  errorClass: 'conflict',
  message: `${what}; it may have run unseen, so nothing was started again`,
});
