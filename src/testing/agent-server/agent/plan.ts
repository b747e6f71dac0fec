import { MINUTE_MS } from '../../../contract/units.js';
import type { Draw } from '../draw.js';
import type { FaultHit } from '../faults/rules.js';

export interface Tokens {
  readonly input: number;
  /** Part of `input` that came from the cache. */
  readonly cached: number;
  readonly output: number;
  readonly thought: number;
}

/** How the work ends if nobody stops it. */
export type PlannedEnd =
  'completed' | 'never' | 'refused' | 'needs-action' | 'budget' | 'sandbox-failed' | 'sandbox-terminal';

export type OutputForm = 'whole' | 'wrong-hash' | 'no-manifest' | 'gone' | 'none';

/** All that is decided when a run starts. Times are milliseconds of service time. */
export interface RunPlan {
  /** From the request to the first work. */
  readonly queuedMs: number;
  /** Meaningless for the end `never`. */
  readonly workMs: number;
  readonly end: PlannedEnd;
  readonly output: OutputForm;
  /** What the whole work costs; a run that is stopped has used its part. */
  readonly tokens: Tokens;
  /** Part of the work after which the sandbox restarts and its files vanish. */
  readonly restartAt?: number;
  /** A word that the SDK does not know is shown instead of the running state. */
  readonly oddStatus?: string;
  /** Part of the work after which the record answers 404 for good. */
  readonly lostAt?: number;
  /** New records are not found for so long. */
  readonly hiddenMs?: number;
}

/** Typical runs take minutes, and 50 to 70 % of their input comes from the cache. */
const WORK_MINUTES = [3, 12] as const;

/** @param fault one that this run has to act out */
export function planRun(draw: Draw, fault: FaultHit | undefined): RunPlan {
  const input = draw.int('input tokens', 200_000, 1_200_000);
  const plain: RunPlan = {
    queuedMs: draw.int('queued', 500, 4_000),
    workMs: draw.int('work', WORK_MINUTES[0] * MINUTE_MS, WORK_MINUTES[1] * MINUTE_MS),
    end: 'completed',
    output: 'whole',
    tokens: {
      input,
      cached: Math.round(input * (0.5 + 0.2 * draw.unit('cached tokens'))),
      output: draw.int('output tokens', 6_000, 30_000),
      thought: draw.int('thought tokens', 3_000, 15_000),
    },
  };
  return fault ? { ...plain, ...changes(plain, fault) } : plain;
}

function changes(plain: RunPlan, fault: FaultHit): Partial<RunPlan> {
  switch (fault.do) {
    case 'timeout-mid-run':
      return { end: 'never' };
    case 'slow':
      return { workMs: Math.round(plain.workMs * fault.factor) };
    case 'fresh-404':
      return { hiddenMs: fault.seconds * 1000 };
    case 'lost':
      return { lostAt: 0.4 };
    case 'needs-action':
      return { end: 'needs-action', workMs: Math.round(plain.workMs * 0.6), output: 'none' };
    case 'refuse':
      return { end: 'refused', workMs: Math.round(plain.workMs * 0.2), output: 'none' };
    case 'truncated-output':
      return { output: fault.form === 'hash' ? 'wrong-hash' : 'no-manifest' };
    case 'empty-output':
      return { output: 'none' };
    case 'unknown-status':
      return { oddStatus: 'hibernating' };
    case 'spend-cap':
      return spent(plain, 0.5);
    case 'sandbox-restart':
      return restarted(plain, fault.form);
    default:
      return {};
  }
}

const SHORTEST_MS = 5_000;

/** The run stops at its cap after that part of the work: part of the article, no manifest. */
export const spent = (plan: RunPlan, part: number): Partial<RunPlan> => ({
  end: 'budget',
  output: 'no-manifest',
  workMs: Math.max(SHORTEST_MS, Math.round(plan.workMs * part)),
  tokens: scaled(plan.tokens, part),
});

function restarted(plain: RunPlan, form: string): Partial<RunPlan> {
  switch (form) {
    case 'fails':
    case 'exhausted':
      return { restartAt: 0.5, end: 'sandbox-failed', output: 'none' };
    case 'terminal':
      return { restartAt: 0.5, end: 'sandbox-terminal', output: 'none' };
    case 'files-gone':
      return { restartAt: 0.5, output: 'gone' };
    default:
      return { restartAt: 0.5, workMs: Math.round(plain.workMs * 1.3) };
  }
}

export const scaled = ({ input, cached, output, thought }: Tokens, part: number): Tokens => ({
  input: Math.round(input * part),
  cached: Math.round(cached * part),
  output: Math.round(output * part),
  thought: Math.round(thought * part),
});
