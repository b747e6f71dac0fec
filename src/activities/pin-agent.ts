import { log } from '@temporalio/activity';
import type { Definition } from '../contract/batch-file.js';
import { pinOf } from './ask-ahead.js';
import { contextOf, type Deps } from './deps.js';
import { agentLane } from './lanes/lane-of.js';

/**
 * The definition with an agent that leaves nothing to its service: whoever edits it there, while a run is under way,
 * changes the next run. A service that can't say, or is not to be asked, keeps no run from beginning: then each session
 * takes what it is given, and its handle says what that was.
 * @returns undefined where there is nothing to pin
 */
export async function pinnedAgent(definition: Definition, deps: Deps): Promise<Definition | undefined> {
  const lane = agentLane(definition, { key: '', batchId: '' }, deps);
  const on = { env: deps.env, stateDir: deps.stateDir, context: contextOf(deps) };
  const { options, why } = await pinOf(definition, on, (await lane.closed())?.why);
  if (why !== undefined) log.warn('the agent is not pinned for this run', { reason: why });
  if (options === undefined) return undefined;
  return { ...definition, agent: { ...definition.agent, with: { ...definition.agent.with, ...options } } };
}
