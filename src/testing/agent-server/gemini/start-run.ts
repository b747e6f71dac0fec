import { planRun, spent, type RunPlan } from '../agent/plan.js';
import type { Draw, Who } from '../draw.js';
import type { FaultHit } from '../faults/rules.js';
import type { World } from '../http/call.js';
import { promptOf, type CreateBody } from './create-body.js';
import { environmentOf, touch } from './environment.js';
import { makeEnvironment } from './environment-routes.js';
import { invalid, notFound } from './errors.js';
import { isHidden, standingOf, type Interaction } from './interaction.js';

export interface Start {
  readonly who: Who;
  readonly now: number;
  readonly draw: Draw;
  readonly fault: FaultHit | undefined;
}

/**
 * Starts a paid run. There is no key that would make a repeat harmless: each call is another run.
 * @throws Refusal 404 for an environment that is not there, 400 for a previous run that has not ended
 */
export function startRun(body: CreateBody, { who, now, draw, fault }: Start, world: World): Interaction {
  const { store } = world;
  const environmentId = environmentFor(body, world, now, draw);
  if (body.previous_interaction_id !== undefined) checkPrevious(body.previous_interaction_id, world, now);
  const prompt = promptOf(body.input);
  const id = `v1_${draw.hex('interaction id', 40)}`;
  const run: Interaction = {
    id,
    who,
    createdAt: now,
    agent: body.agent,
    input: body.input,
    prompt,
    plan: capped(planRun(draw, fault), body.agent_config?.max_total_tokens),
    ...(body.agent_config && { agentConfig: body.agent_config }),
    ...(body.labels && { labels: body.labels }),
    ...(environmentId !== undefined && { environmentId }),
    ...(body.previous_interaction_id !== undefined && { previousId: body.previous_interaction_id }),
  };
  store.put('interaction', id, run, environmentId ?? '');
  return run;
}

function environmentFor(
  { environment }: CreateBody,
  world: World,
  now: number,
  draw: Draw,
): string | undefined {
  if (environment === undefined) return undefined;
  const asked = typeof environment === 'string' ? { environment_id: environment } : environment;
  if (asked.environment_id === undefined || asked.environment_id === 'remote') {
    return makeEnvironment(world, now, draw).id;
  }
  const found = environmentOf(asked.environment_id, world, now);
  touch(found, world, now);
  return found.id;
}

function checkPrevious(id: string, { store }: World, now: number): void {
  const previous = store.get<Interaction>('interaction', id);
  if (!previous || isHidden(previous, now)) throw notFound(`Interaction '${id}'`);
  if (!standingOf(previous, now).ended) throw invalid(`Interaction '${id}' has not ended yet.`);
}

/** The cap is best effort: cached tokens do not count, and a run overshoots a little before it stops. */
const OVERSHOOT = 1.03;

function capped(plan: RunPlan, cap: string | number | undefined): RunPlan {
  if (cap === undefined) return plan;
  const { input, cached, output, thought } = plan.tokens;
  const part = (Number(cap) * OVERSHOOT) / (input - cached + output + thought);
  return part < 1 && plan.end === 'completed' ? { ...plan, ...spent(plan, part) } : plan;
}
