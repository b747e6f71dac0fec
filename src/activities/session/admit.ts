import type { AgentEnd, JobRef } from '../../contract/messages.js';
import { isPaused, type Deps } from '../deps.js';
import type { Lane } from '../lanes/lane.js';

/** What stands in the way of a new session; undefined when nothing does. */
export async function refusal(ref: JobRef, lane: Lane, deps: Deps): Promise<AgentEnd | undefined> {
  if (await isPaused(ref.batchId, deps)) return { kind: 'paused' };
  const entry = await lane.enter('session');
  return entry.kind === 'wait' ? entry : undefined;
}
