import { durationMs } from '../../../contract/batch-file.js';
import type { ProviderContext, SessionRequest } from '../provider.js';
import type { ClaudeApi } from './api.js';
import type { ClaudeOptions } from './options.js';
import type { Session } from './replies.js';

/** Clocks of the worker and the service may differ by so much. */
const CLOCK_SKEW_MS = 5 * 60_000;

export interface FoundAtService {
  readonly session: Session;
  /** It was given its prompt: a paid turn runs or has ended. */
  readonly kickedOff: boolean;
}

/**
 * The session of an attempt. There is no filter for metadata, so the agent's sessions since the attempt began are
 * read. Of several the one with a message is it, else the oldest, then the smallest id; the others, which nobody
 * paid for, are archived.
 */
export async function findSession(
  { runKey, attempt, openedAt }: Pick<SessionRequest, 'runKey' | 'attempt' | 'openedAt'>,
  { api, options }: { api: ClaudeApi; options: ClaudeOptions },
  context: ProviderContext,
): Promise<FoundAtService | undefined> {
  const opened = Date.parse(openedAt ?? '');
  const since = Number.isNaN(opened)
    ? context.now().getTime() - durationMs(options.findWindow)
    : opened - CLOCK_SKEW_MS;
  const found: FoundAtService[] = [];
  for await (const session of api.sessionsSince(new Date(since), context.signal)) {
    const { run_key, attempt: number } = session.metadata ?? {};
    if (run_key !== runKey || number !== String(attempt)) continue;
    const kickedOff =
      ((await api.newestEvents(session.id, ['user.message'], 1, context.signal)) ?? []).length > 0;
    // Archived without a message: nothing ran in it, and nothing ever will.
    if (kickedOff || isOpen(session)) found.push({ session, kickedOff });
  }
  const [chosen, ...others] = found.sort(byRank);
  for (const { session, kickedOff } of others) {
    if (!kickedOff) await api.archive(session.id, context.signal);
  }
  return chosen;
}

export const isOpen = ({ archived_at, status }: Session): boolean =>
  (archived_at === null || archived_at === undefined) && status !== 'terminated';

function byRank(a: FoundAtService, b: FoundAtService): number {
  if (a.kickedOff !== b.kickedOff) return a.kickedOff ? -1 : 1;
  const [left, right] = [a, b].map(({ session }) => `${session.created_at ?? ''} ${session.id}`);
  return (left ?? '') < (right ?? '') ? -1 : 1;
}
