import type { Surface } from '../http/call.js';

/** Everything that can be made to go wrong. */
export const FAULT_NAMES = [
  'timeout-mid-run',
  'throttle',
  'server-error',
  'drop-before',
  'drop-after-commit',
  'truncate-body',
  'fresh-404',
  'sandbox-restart',
  'truncated-output',
  'empty-output',
  'slow',
  'client-timeout',
  'spend-cap',
  'day-quota',
  'lost',
  'auth',
  'needs-action',
  'refuse',
  'cancel-404',
  'cancel-lag',
  'unknown-status',
] as const;
export type FaultName = (typeof FAULT_NAMES)[number];

/** Every call of a service, as rules name it. */
export const CALLS: Readonly<Record<Surface, readonly string[]>> = {
  gemini: [
    'interactions.create',
    'interactions.get',
    'interactions.cancel',
    'interactions.delete',
    'environments.create',
    'environments.list',
    'environments.get',
    'environments.delete',
    'files.read',
    'files.upload',
    'files.finalize',
    'triggers.create',
    'triggers.list',
    'triggers.get',
    'triggers.update',
    'triggers.delete',
    'triggers.run',
    'triggers.executions',
  ],
  anthropic: [
    'sessions.create',
    'sessions.list',
    'sessions.retrieve',
    'sessions.update',
    'sessions.delete',
    'sessions.archive',
    'events.send',
    'events.list',
    'events.stream',
    'files.list',
    'files.retrieve',
    'files.download',
    'agents.create',
    'agents.list',
    'agents.retrieve',
    'agents.update',
    'environments.create',
    'environments.list',
    'environments.retrieve',
  ],
};

/** How a fault shows at one service. */
export interface FaultPlace {
  /** Calls that it can strike; all of them when absent. */
  readonly calls?: readonly string[];
  /** The call that `one-fault:<name>` strikes. */
  readonly first: string;
  /** Shapes that it takes; one is drawn where a rule names none. */
  readonly forms: readonly [string, ...string[]];
  /** Calls of a shape that can't strike all of `calls`. */
  readonly callsOfForm?: Readonly<Record<string, readonly string[]>>;
}

export type FaultPlaces = Readonly<Partial<Record<Surface, FaultPlace>>>;

const PLAIN = ['plain'] as const;
const G_STARTS = ['interactions.create', 'triggers.run'];
const A_STARTS = ['events.send'];

const onRuns = (
  gemini: readonly [string, ...string[]] = PLAIN,
  anthropic: readonly [string, ...string[]] = PLAIN,
): FaultPlaces => ({
  gemini: { calls: G_STARTS, first: 'interactions.create', forms: gemini },
  anthropic: { calls: A_STARTS, first: 'events.send', forms: anthropic },
});

const anywhere = (
  gemini: readonly [string, ...string[]] = PLAIN,
  anthropic: readonly [string, ...string[]] = PLAIN,
): FaultPlaces => ({
  gemini: { first: 'interactions.create', forms: gemini },
  anthropic: { first: 'events.send', forms: anthropic },
});

const OUTPUT_FORMS = ['hash', 'no-manifest'] as const;

/** One entry for each fault: where it strikes and how it looks, per service. */
export const FAULTS: Readonly<Record<FaultName, FaultPlaces>> = {
  'timeout-mid-run': onRuns(),
  throttle: anywhere(['seconds', 'date', 'ms', 'retry-info', 'none'], ['seconds', 'ramp']),
  'server-error': anywhere(['500', '502', '503', '504'], ['500', '529']),
  'drop-before': anywhere(),
  'drop-after-commit': anywhere(),
  'truncate-body': anywhere(),
  'fresh-404': {
    gemini: { calls: G_STARTS, first: 'interactions.create', forms: PLAIN },
    anthropic: { calls: ['sessions.create'], first: 'sessions.create', forms: PLAIN },
  },
  'sandbox-restart': onRuns(['goes-on', 'files-gone', 'fails'], ['resumes', 'exhausted', 'terminal']),
  'truncated-output': onRuns(OUTPUT_FORMS, OUTPUT_FORMS),
  'empty-output': onRuns(),
  slow: onRuns(),
  'client-timeout': anywhere(),
  'spend-cap': {
    gemini: { calls: G_STARTS, first: 'interactions.create', forms: ['429', '402', 'incomplete'] },
    anthropic: {
      calls: ['sessions.create', 'events.send'],
      first: 'events.send',
      forms: ['429', '402', 'budget'],
      callsOfForm: { budget: A_STARTS }, // it is the turn that reaches it
    },
  },
  'day-quota': { gemini: { first: 'interactions.create', forms: ['word', 'per-day'] } },
  lost: onRuns(),
  auth: anywhere(['401', '403'], ['401', '403', '402']),
  'needs-action': onRuns(),
  refuse: onRuns(),
  'cancel-404': {
    gemini: { calls: ['interactions.cancel'], first: 'interactions.cancel', forms: ['not-found', 'method'] },
    anthropic: { calls: ['sessions.archive'], first: 'sessions.archive', forms: PLAIN },
  },
  'cancel-lag': {
    gemini: { calls: ['interactions.cancel'], first: 'interactions.cancel', forms: PLAIN },
    anthropic: { calls: ['sessions.archive'], first: 'sessions.archive', forms: PLAIN },
  },
  'unknown-status': { gemini: { calls: G_STARTS, first: 'interactions.create', forms: PLAIN } },
};

/** What the seconds of a fault are when a rule names none, in service time. */
export const DEFAULT_SECONDS: Readonly<Partial<Record<FaultName, number>>> = {
  throttle: 30,
  'fresh-404': 120,
  'client-timeout': 90, // above the 60 s after which adapters give up
  'cancel-404': 20,
  'cancel-lag': 20,
  auth: 0, // from the moment the rule is there
};

export const DEFAULT_SLOW_FACTOR = 10;
