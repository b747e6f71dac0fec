import type { World } from '../http/call.js';
import { timestamp } from '../clock.js';
import { plannedEndOf, standingOf, startOf, textOf, type Interaction } from './interaction.js';
import { stepsOf, usageOf } from './interaction-json.js';

interface Frame {
  readonly at: number;
  readonly data: Record<string, unknown>;
}

/** How often a stream looks whether its run was stopped meanwhile, in service time. */
const LOOK_MS = 1_000;
const DELTA_CHARS = 400;

/**
 * Server-sent events of a run, each with an `event_id` from which a reader may go on. Frames follow from the run
 * and the time, so a stream taken up after a restart of the server goes on where it was.
 */
export function streamOf(
  current: () => Interaction,
  { clock }: World,
  lastEventId: string | undefined,
): (signal: AbortSignal) => AsyncGenerator<string> {
  return async function* (signal) {
    let next = lastEventId === undefined ? 0 : Number(/^evt_(\d+)$/.exec(lastEventId)?.[1] ?? -1) + 1;
    while (!signal.aborted) {
      const now = clock.now();
      const frames = framesOf(current(), now);
      for (; next < frames.length && (frames[next]?.at ?? Infinity) <= now; next++) {
        yield eventText(next, frames[next]?.data ?? {});
      }
      if (next >= frames.length && standingOf(current(), now).ended) {
        yield 'data: [DONE]\n\n';
        return;
      }
      await clock.until(Math.min(frames[next]?.at ?? Infinity, now + LOOK_MS), signal);
    }
  };
}

const eventText = (index: number, data: Record<string, unknown>): string =>
  `event: ${String(data['event_type'])}\ndata: ${JSON.stringify({ event_id: `evt_${index}`, ...data })}\n\n`;

/** All frames known by now; a run that is stopped early has fewer. */
function framesOf(run: Interaction, now: number): Frame[] {
  const standing = standingOf(run, now);
  const start = startOf(run);
  const thought = stepsOf(run, { status: 'in_progress' })[0];
  const frames: Frame[] = [
    { at: run.createdAt, data: { event_type: 'interaction.created', interaction: partial(run, 'queued') } },
    {
      at: start,
      data: { event_type: 'interaction.status_update', interaction_id: run.id, status: 'in_progress' },
    },
    { at: start + 1_000, data: { event_type: 'step.start', index: 0, step: thought } },
    { at: start + 2_000, data: { event_type: 'step.stop', index: 0 } },
  ];
  if (!standing.ended) return frames;
  const end = standing.updatedAt;
  const text = end >= plannedEndOf(run) && stepsOf(run, standing).length > 1 ? textOf(run) : '';
  return [...frames, ...textFrames(text, end), ...lastFrames(run, end, standing)].map((frame) => ({
    ...frame,
    at: Math.min(frame.at, end),
  }));
}

function textFrames(text: string, at: number): Frame[] {
  if (text === '') return [];
  const deltas = text.match(new RegExp(`[^]{1,${DELTA_CHARS}}`, 'g')) ?? [];
  return [
    { at, data: { event_type: 'step.start', index: 1, step: { type: 'model_output', content: [] } } },
    ...deltas.map((part) => ({
      at,
      data: { event_type: 'step.delta', index: 1, delta: { type: 'text', text: part } },
    })),
    { at, data: { event_type: 'step.stop', index: 1 } },
  ];
}

function lastFrames(run: Interaction, at: number, standing: ReturnType<typeof standingOf>): Frame[] {
  const error = standing.errors?.[0];
  const interaction = { ...partial(run, standing.status), usage: usageOf(standing) };
  return [
    ...(error ? [{ at, data: { event_type: 'error', error } }] : []),
    { at, data: { event_type: 'interaction.completed', interaction } },
  ];
}

const partial = (run: Interaction, status: string): Record<string, unknown> => ({
  id: run.id,
  object: 'interaction',
  status,
  agent: run.agent,
  created: timestamp(run.createdAt),
});
