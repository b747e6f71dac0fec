import { durationMs } from '../../../contract/batch-file.js';
import { phaseOf, textId, timeId } from '../managed/handle.js';
import { pollIntervalMs } from '../managed/poll-interval.js';
import type { JudgeOptions } from '../managed/ruling.js';
import { saidText } from '../managed/said.js';
import type { ProviderContext, SessionHandle, SessionProgress } from '../provider.js';
import type { GeminiApi } from './api.js';
import type { AntigravityOptions } from './options.js';
import type { Interaction } from './replies.js';
import { rulingOfRun } from './rulings.js';
import { watchStart } from './watch-start.js';

export interface PollParts {
  readonly api: GeminiApi;
  readonly options: AntigravityOptions;
  readonly judgeOptions: () => JudgeOptions;
  /** Runs that were not found at the last look, by id: only a second 404 means that one is lost. */
  readonly missing: Set<string>;
}

/** One look at a run, whatever phase its start has reached. */
export async function pollRun(
  handle: SessionHandle,
  parts: PollParts,
  context: ProviderContext,
): Promise<SessionProgress> {
  const id = textId(handle, 'interaction');
  if (id === undefined) {
    if (phaseOf(handle) !== 'prepared') return watchStart(handle, parts, context);
    return { kind: 'lost', message: 'its start was cut short before anything was paid for' };
  }
  const ageMs = context.now().getTime() - (timeId(handle, 'startedAt') ?? 0);
  const run = await parts.api.interaction(id, context.signal);
  if (!run) return notFound(id, ageMs, parts);
  parts.missing.delete(id);

  const nextPollMs = pollIntervalMs(ageMs, parts.options.pollInterval);
  const progress = progressOf(run, nextPollMs, parts.judgeOptions());
  if (run.status === 'requires_action') await parts.api.cancel(id, context.signal);
  return progress;
}

/** The service was seen not to know its newest runs for minutes. */
function notFound(id: string, ageMs: number, { options, missing }: PollParts): SessionProgress {
  const fresh = ageMs < durationMs(options.freshIdGrace);
  if (!fresh && missing.has(id)) {
    missing.delete(id);
    return { kind: 'lost', message: `the service does not know the run ${id} any more` };
  }
  if (!fresh) missing.add(id);
  const note = fresh ? 'not known to the service yet' : 'not found; looking once more';
  return { kind: 'running', nextPollMs: pollIntervalMs(ageMs, options.pollInterval), note };
}

/**
 * While a run does these it needs nobody. Of a run in the background, and of an agent's, the service itself goes on after
 * `requires_continuation`. Source: `AutomaticContinuationOption` in the types of @google/genai 2.32.0.
 */
const GOES_ON: ReadonlySet<string> = new Set(['queued', 'in_progress', 'requires_continuation']);

/**
 * What a status means. Words that we don't know count as running, so that a new one ends no run; the deadline does.
 * Source: `Interaction.status` in the types of @google/genai 2.32.0.
 */
export function progressOf(
  { status = '', errors = [], steps, usage }: Omit<Interaction, 'id'>,
  nextPollMs: number,
  options: JudgeOptions,
): SessionProgress {
  const failed = (
    errorClass: 'budget' | 'invalid' | 'rejected' | 'lost',
    message: string,
  ): SessionProgress => ({ kind: 'failed', errorClass, message });
  switch (status) {
    case 'completed':
      return { kind: 'succeeded' };
    case 'failed':
      return failedRun(errors, options);
    case 'cancelled':
      return { kind: 'lost', message: 'the run was cancelled at the service' };
    case 'incomplete':
    case 'budget_exceeded':
      return failed('budget', `the run stopped at its limit (${status}); see maxTotalTokens of the agent`);
    case 'requires_action':
      return failed(
        'invalid',
        'the run asked for a person, and nobody is there; take the tool away that asks',
      );
    default: {
      const known = GOES_ON.has(status);
      const note = known ? status : `status ${saidText(status, options.secrets)} is not known`;
      const sign = JSON.stringify([status, steps?.length, usage]);
      return { kind: 'running', nextPollMs, note, sign };
    }
  }
}

function failedRun(errors: NonNullable<Interaction['errors']>, options: JudgeOptions): SessionProgress {
  const [{ code = '', message = '' } = {}] = errors;
  const { errorClass, retryAfterMs, needsPerson } = rulingOfRun(code, message, options);
  const said = [code, message].filter((part) => part !== '').map((part) => saidText(part, options.secrets));
  return {
    kind: 'failed',
    errorClass,
    message: `the run failed${said.length === 0 ? ' without a reason' : `: ${said.join(': ')}`}`,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(needsPerson && { needsPerson }),
  };
}
