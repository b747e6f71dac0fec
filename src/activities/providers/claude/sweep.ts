import type { ProviderContext, SessionHandle } from '../provider.js';
import type { ClaudeApi } from './api.js';
import { isOpen } from './find.js';

/** The agent's sessions that carry a run key and are not archived. */
export async function* sweepSessions(
  since: Date,
  { name, api }: { name: string; api: ClaudeApi },
  { signal }: ProviderContext,
): AsyncIterable<SessionHandle> {
  for await (const session of api.sessionsSince(since, signal)) {
    const { run_key: runKey, attempt } = session.metadata ?? {};
    const number = Number(attempt);
    if (runKey === undefined || !Number.isSafeInteger(number) || !isOpen(session)) continue;
    yield { v: 1, provider: name, runKey, attempt: number, ids: { session: session.id } };
  }
}
