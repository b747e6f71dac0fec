import { timestamp } from '../clock.js';
import { sha256 } from '../draw.js';
import { standingOf, textOf, type Interaction, type Standing } from './interaction.js';

/** The resource as GET shows it; steps, errors and usage only once the run has stopped. */
export function interactionJson(run: Interaction, now: number): Record<string, unknown> {
  const standing = standingOf(run, now);
  return {
    id: run.id,
    object: 'interaction',
    status: standing.status,
    created: timestamp(run.createdAt),
    updated: timestamp(standing.updatedAt),
    agent: run.agent,
    ...(run.agentConfig !== undefined && { agent_config: run.agentConfig }),
    ...(run.environmentId !== undefined && { environment_id: run.environmentId }),
    ...(run.labels && { labels: run.labels }),
    ...(run.previousId !== undefined && { previous_interaction_id: run.previousId }),
    ...(standing.ended && {
      steps: stepsOf(run, standing),
      ...(standing.errors && { errors: standing.errors }),
      usage: usageOf(standing),
    }),
  };
}

export function stepsOf(run: Interaction, { status }: Pick<Standing, 'status'>): Record<string, unknown>[] {
  const thought = {
    type: 'thought',
    signature: sha256(run.id).slice(0, 32),
    summary: [{ type: 'text', text: 'Planning the sections, then writing them one after another.' }],
  };
  if (status === 'requires_action') {
    const call = { type: 'function_call', id: `call_${run.id.slice(-8)}`, name: 'ask_user', arguments: {} };
    return [thought, call];
  }
  const text = status === 'completed' || status === 'incomplete' ? textOf(run) : '';
  return text === '' ? [thought] : [thought, { type: 'model_output', content: [{ type: 'text', text }] }];
}

export function usageOf({ tokens }: Pick<Standing, 'tokens'>): Record<string, unknown> {
  const { input, cached, output, thought } = tokens;
  return {
    total_tokens: input + output + thought,
    total_input_tokens: input,
    total_cached_tokens: cached,
    total_output_tokens: output,
    total_thought_tokens: thought,
    total_tool_use_tokens: 0,
    input_tokens_by_modality: [{ modality: 'text', tokens: input }],
    cached_tokens_by_modality: [{ modality: 'text', tokens: cached }],
    output_tokens_by_modality: [{ modality: 'text', tokens: output }],
    tool_use_tokens_by_modality: [],
    grounding_tool_count: [],
  };
}
