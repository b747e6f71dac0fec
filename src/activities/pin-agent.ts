import { log } from '@temporalio/activity';
import type { Definition } from '../contract/batch-file.js';
import { pinOf } from './ask-ahead.js';
import { contextOf, type Deps } from './deps.js';
import { agentLane } from './lanes/lane-of.js';
import { providerFor } from './providers/provider-for.js';

/**
 * The definition with an agent that leaves nothing to its service: whoever edits it there, while a run is under way,
 * changes the next run. A service that can't say, or is not to be asked, keeps no run from beginning: then each session
 * takes what it is given, and its handle says what that was.
 * @returns undefined where there is nothing to pin
 */
export async function pinnedAgent(definition: Definition, deps: Deps): Promise<Definition | undefined> {
  const lane = agentLane(definition, { key: '', batchId: '' }, deps);
  const on = { env: deps.env, stateDir: deps.stateDir, context: contextOf(deps) };
  const closed = await lane.closed();
  const { options, why }: Awaited<ReturnType<typeof pinOf>> =
    closed === undefined ? await pinOf(definition, on) : await unasked(definition, on, closed.why);
  if (why !== undefined) log.warn('the agent is not pinned for this run', { reason: why });
  if (options === undefined) return undefined;
  return { ...definition, agent: { ...definition.agent, with: { ...definition.agent.with, ...options } } };
}

/** Most agents have nothing that could be pinned. */
async function unasked(
  definition: Definition,
  on: Parameters<typeof providerFor>[1],
  why: string,
): ReturnType<typeof pinOf> {
  const provider = await providerFor(definition, on);
  return provider.pin === undefined ? {} : { why: `its service is not asked: ${why}` };
}
