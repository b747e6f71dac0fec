import { DAY_MS } from '../../../contract/units.js';
import { outputsOf, placesIn, type OutFile } from '../agent/outputs.js';
import { geminiMicros } from '../agent/money.js';
import { scaled, type RunPlan, type Tokens } from '../agent/plan.js';
import { timestamp } from '../clock.js';
import type { Who } from '../draw.js';

/** A run of the agent, as it is stored: what was asked and decided. How it stands follows from the time. */
export interface Interaction {
  readonly id: string;
  readonly who: Who;
  readonly createdAt: number;
  readonly agent: string;
  readonly agentConfig?: unknown;
  readonly input: unknown;
  /** `input` as text. */
  readonly prompt: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly environmentId?: string;
  readonly previousId?: string;
  readonly plan: RunPlan;
  /** When a cancel takes effect. */
  readonly cancelAt?: number;
  /** When its environment was deleted, which ends it. */
  readonly environmentGoneAt?: number;
  readonly deletedAt?: number;
  readonly lostAt?: number;
}

export interface Standing {
  readonly status: string;
  readonly updatedAt: number;
  readonly ended: boolean;
  /** Used so far. */
  readonly tokens: Tokens;
  readonly errors?: readonly { readonly code: string; readonly message: string }[];
}

const OUTPUT = { folderWhenUnsaid: 'out/', root: '' };
/** The marker that prompts ask for is written soon after the work begins. */
const MARKER_DELAY_MS = 2_000;
const ARTICLE_BEFORE_END_MS = 2_000;
const MANIFEST_BEFORE_END_MS = 1_000;

const startOf = ({ createdAt, plan }: Interaction): number => createdAt + plan.queuedMs;

const plannedEndOf = (run: Interaction): number =>
  run.plan.end === 'never' ? Infinity : startOf(run) + run.plan.workMs;

/** When somebody or something stops it; may lie after its end. */
const stopOf = ({
  cancelAt = Infinity,
  environmentGoneAt = Infinity,
  deletedAt = Infinity,
}: Interaction): number => Math.min(cancelAt, environmentGoneAt, deletedAt);

export const lossOf = (run: Interaction): number =>
  Math.min(
    run.lostAt ?? Infinity,
    run.plan.lostAt === undefined ? Infinity : startOf(run) + run.plan.lostAt * run.plan.workMs,
  );

/** Paid projects keep records so long. Source: ai.google.dev/gemini-api/docs/interactions-overview */
const KEPT_MS = 55 * DAY_MS;

/** Whether the service answers 404 for it. */
export const isHidden = (run: Interaction, now: number): boolean =>
  run.deletedAt !== undefined ||
  now >= run.createdAt + KEPT_MS ||
  now < run.createdAt + (run.plan.hiddenMs ?? 0) ||
  now >= lossOf(run);

export function standingOf(run: Interaction, now: number): Standing {
  const plannedEnd = plannedEndOf(run);
  const stop = Math.min(stopOf(run), lossOf(run));
  if (stop < plannedEnd && now >= stop) return stopped(run, stop);
  if (now >= plannedEnd) return ended(run, plannedEnd);
  const tokens = used(run, now);
  if (now < startOf(run)) return { status: 'queued', updatedAt: run.createdAt, ended: false, tokens };
  const status = run.plan.oddStatus ?? 'in_progress';
  return { status, updatedAt: now, ended: false, tokens };
}

function stopped(run: Interaction, at: number): Standing {
  const common = { updatedAt: at, ended: true, tokens: used(run, at) };
  if (at !== run.environmentGoneAt) return { ...common, status: 'cancelled' };
  const errors = [{ code: 'not_found', message: 'The environment of this interaction was deleted.' }];
  return { ...common, status: 'failed', errors };
}

function ended(run: Interaction, at: number): Standing {
  const common = { updatedAt: at, ended: true, tokens: run.plan.tokens };
  switch (run.plan.end) {
    case 'refused':
      return {
        ...common,
        status: 'failed',
        errors: [{ code: 'safety', message: 'The response was blocked by safety settings.' }],
      };
    case 'sandbox-failed':
    case 'sandbox-terminal':
      return {
        ...common,
        status: 'failed',
        errors: [{ code: 'api_error', message: 'The sandbox was restarted and the run could not go on.' }],
      };
    case 'needs-action':
      return { ...common, status: 'requires_action' };
    case 'budget':
      return { ...common, status: 'incomplete' };
    case 'completed':
    case 'never':
      return { ...common, status: 'completed' };
  }
}

function used(run: Interaction, at: number): Tokens {
  const part = (at - startOf(run)) / run.plan.workMs;
  return scaled(run.plan.tokens, Math.min(1, Math.max(0, part)));
}

/** Micro-dollars used so far. */
export const spentOn = (run: Interaction, now: number): number => geminiMicros(standingOf(run, now).tokens);

/** Files that it has written into its environment by now, with the time of each. */
export function filesWritten(run: Interaction, now: number): (OutFile & { readonly at: number })[] {
  const until = Math.min(now, stopOf(run), lossOf(run));
  const markerAt = startOf(run) + MARKER_DELAY_MS;
  const { folder } = placesIn(run.prompt, OUTPUT.folderWhenUnsaid);
  const marker = Buffer.from(`${JSON.stringify({ started: timestamp(startOf(run)) })}\n`);
  const { files } = outputsOf(run.prompt, run.plan.output, OUTPUT);
  const end = plannedEndOf(run);
  return [
    { path: `${folder}started.json`, bytes: marker, at: markerAt },
    ...files.map((file, index) => ({
      ...file,
      at: end - (index === 0 ? ARTICLE_BEFORE_END_MS : MANIFEST_BEFORE_END_MS),
    })),
  ].filter(({ at }) => at <= until);
}

/** When its sandbox lost all files, if it has by now. */
export function restartOf(run: Interaction, now: number): number | undefined {
  if (run.plan.restartAt === undefined) return undefined;
  const at = startOf(run) + run.plan.restartAt * run.plan.workMs;
  return at <= Math.min(now, stopOf(run)) ? at : undefined;
}

/** Last moment at which it did something in its environment. */
export const activeUntil = (run: Interaction, now: number): number =>
  Math.min(now, plannedEndOf(run), stopOf(run), lossOf(run));

/** What the agent says at the end. */
export const textOf = (run: Interaction): string => outputsOf(run.prompt, run.plan.output, OUTPUT).text;

export { plannedEndOf, startOf };
