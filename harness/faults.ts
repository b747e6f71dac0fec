import { draw, drawInt } from './draw.js';

export const JOBS = 6;

/** How often each thing goes wrong. The only numbers to calibrate; `docs/reference/harness.md` shows them. */
export const RATES = {
  /** Per call: 5xx or reset, before or after the work was done. */
  call: 0.0015,
  /** Per job: the service throttles for a while, from the start of that job on. */
  throttled: 0.0035,
  /** Per job: its first session never ends. */
  sessionTimeout: 0.005,
  /** Per job: the sandbox of its first session restarts. */
  sandboxRestart: 0.0025,
  /** Per job: its first session gives an empty or cut text, and says that all is well. */
  badOutput: 0.003,
  /** Per night from here on. */
  killed: 0.01,
  destinationDown: 0.009,
  providerDown: 0.006,
  killedAfterEffect: 0.005,
  quota: 0.004,
  deadCredential: 0.0005,
  poison: 0.0015,
  twoStarts: 0.01,
} as const;

/** Begins with the first call of that job; minutes of the night. */
export interface Spell {
  readonly job: number;
  readonly minutes: number;
}

export interface JobFaults {
  readonly throttled?: number;
  /** What its first session does wrong. */
  readonly session?: 'never-ends' | 'sandbox' | 'empty' | 'cut';
}

/** All that one night has in store, but for the faults of single calls, which are drawn when they are made. */
export interface NightFaults {
  readonly jobs: readonly JobFaults[];
  /** In the middle of the session of that job. */
  readonly killed?: number;
  /** After the destination has published that job, before its answer. */
  readonly killedAfterEffect?: number;
  readonly destinationDown?: Spell;
  readonly providerDown?: Spell & { readonly how: 'down' | 'one-in-ten' };
  readonly quota?: Spell;
  readonly deadCredential: boolean;
  /** No session of that job ever succeeds. */
  readonly poison?: number;
  readonly twoStarts: boolean;
}

export function nightFaults(seed: string, night: number): NightFaults {
  const strikes = (what: keyof typeof RATES): boolean => draw(seed, `night ${night}`, what) < RATES[what];
  const int = (step: string, min: number, max: number) => drawInt(seed, `night ${night}`, step, min, max);
  const job = (what: string): number => int(`${what} job`, 0, JOBS - 1);
  const spell = (what: string, min: number, max: number): Spell => ({
    job: job(what),
    minutes: int(`${what} minutes`, min, max),
  });
  const isDown = int('provider how', 0, 1) === 0;
  return {
    jobs: Array.from({ length: JOBS }, (_, index) => jobFaults(seed, night, index)),
    ...(strikes('killed') && { killed: job('killed') }),
    ...(strikes('killedAfterEffect') && { killedAfterEffect: job('killedAfterEffect') }),
    ...(strikes('destinationDown') && { destinationDown: spell('destinationDown', 20, 60) }),
    ...(strikes('providerDown') && {
      providerDown: isDown
        ? { ...spell('providerDown', 20, 60), how: 'down' as const }
        : { job: job('providerDown'), minutes: 60, how: 'one-in-ten' as const },
    }),
    ...(strikes('quota') && { quota: spell('quota', 60, 180) }),
    deadCredential: strikes('deadCredential'),
    ...(strikes('poison') && { poison: job('poison') }),
    twoStarts: strikes('twoStarts'),
  };
}

function jobFaults(seed: string, night: number, job: number): JobFaults {
  const key = `night ${night} job ${job}`;
  const strikes = (what: keyof typeof RATES): boolean => draw(seed, key, what) < RATES[what];
  const session = strikes('sessionTimeout')
    ? ('never-ends' as const)
    : strikes('sandboxRestart')
      ? ('sandbox' as const)
      : strikes('badOutput')
        ? drawInt(seed, key, 'bad output', 0, 1) === 0
          ? ('empty' as const)
          : ('cut' as const)
        : undefined;
  return {
    ...(strikes('throttled') && { throttled: drawInt(seed, key, 'throttled minutes', 2, 10) }),
    ...(session && { session }),
  };
}

/** What happens to one call. `after`: the work is done all the same. */
export type CallFault = 'none' | '503-before' | '503-after' | 'reset-before' | 'reset-after';

const SHAPES = ['503-before', '503-after', 'reset-before', 'reset-after'] as const;

/** @param nth of that step of that job, from 1; a repeated call is drawn anew */
export function callFault(
  seed: string,
  night: number,
  job: number | undefined,
  step: string,
  nth: number,
  rate: number = RATES.call,
): CallFault {
  const key = `night ${night} job ${job ?? 'any'}`;
  if (draw(seed, key, `call ${step}`, nth) >= rate) return 'none';
  return SHAPES[Math.floor(draw(seed, key, `shape ${step}`, nth) * SHAPES.length)] ?? '503-before';
}

/** How many calls of each step a night makes in which nothing goes wrong. */
const CALM_CALLS = {
  eachJob: { start: 1, look: 1, file: 5, tidy: 1, publish: 1 },
  /** Calls that name no job. */
  night: { prepare: JOBS, file: 1, 'look-up': 3 * JOBS + 1 },
} as const;

/** Nothing is in store for the night: nothing is drawn in advance, and none of the calls that it makes will fail. */
export function isCalm(seed: string, night: number): boolean {
  const fails = (job: number | undefined, calls: Readonly<Record<string, number>>): boolean =>
    Object.entries(calls).some(([step, count]) =>
      Array.from({ length: count }, (_, index) => callFault(seed, night, job, step, index + 1)).some(
        (fault) => fault !== 'none',
      ),
    );
  if (namesOf(nightFaults(seed, night)).length > 0 || fails(undefined, CALM_CALLS.night)) return false;
  return Array.from({ length: JOBS }, (_, job) => job).every((job) => !fails(job, CALM_CALLS.eachJob));
}

/** Faults of a night by name, for rows and replays. */
export function namesOf(faults: NightFaults): string[] {
  const { jobs, ...night } = faults;
  const ofNight = Object.entries(night).flatMap(([name, value]) => (value === false ? [] : [name]));
  const ofJobs = jobs.flatMap(({ throttled, session }, job) => [
    ...(throttled === undefined ? [] : [`job ${job} throttled`]),
    ...(session === undefined ? [] : [`job ${job} session ${session}`]),
  ]);
  return [...ofNight, ...ofJobs];
}

/** Minutes that what is drawn in advance may keep a night waiting. */
export function spellMinutes({ jobs, quota, destinationDown, providerDown }: NightFaults): number {
  const spells = [quota, destinationDown, providerDown].map((spell) => spell?.minutes ?? 0);
  const waits = jobs.map(({ throttled = 0, session }) => throttled + (session === 'never-ends' ? 30 : 0));
  return [...spells, ...waits].reduce((sum, minutes) => sum + minutes, 0);
}
