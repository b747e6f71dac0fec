import type { AlertRule } from '../contract/alerts.js';

/**
 * What an alert is about, which says how it ends (`alert-end.ts`):
 * - `service`: it does not work with us, or stands before all jobs. Over when it has worked again since.
 * - `batch`: the run as such.
 * - `jobs`: open until somebody has seen to those very jobs.
 * - `run`: how it gets on. Over with that run, or when its pace has become good again.
 * - `nights`: as such. Settled by whoever looks at nights; no end of a run is the end of them.
 * - `news`: only told, asks nothing of anybody. Neither repeated nor taken back.
 */
export type AlertAbout = 'service' | 'batch' | 'jobs' | 'run' | 'nights' | 'news';

interface RuleFacts {
  readonly about: AlertAbout;
  /** Told while the batch still runs, for every further minute costs money, or the night; else when it is over or stands still. */
  readonly atOnce: boolean;
}

const RULES: Readonly<Record<AlertRule, RuleFacts>> = {
  auth: { about: 'service', atOnce: true },
  config: { about: 'service', atOnce: true },
  quota: { about: 'service', atOnce: true },
  down: { about: 'service', atOnce: true },
  budget: { about: 'batch', atOnce: true },
  'stop-loss': { about: 'batch', atOnce: true },
  incomplete: { about: 'batch', atOnce: false },
  spending: { about: 'news', atOnce: true },
  failing: { about: 'news', atOnce: true },
  standstill: { about: 'run', atOnce: true },
  deadline: { about: 'run', atOnce: true },
  overdue: { about: 'run', atOnce: true },
  approval: { about: 'jobs', atOnce: false },
  unanswered: { about: 'jobs', atOnce: true },
  parked: { about: 'jobs', atOnce: false },
  unclear: { about: 'jobs', atOnce: false },
  conflict: { about: 'jobs', atOnce: false },
  held: { about: 'jobs', atOnce: false },
  missed: { about: 'nights', atOnce: false },
  skipped: { about: 'nights', atOnce: false },
  empty: { about: 'nights', atOnce: false },
  late: { about: 'nights', atOnce: false },
};

export const ALERT_RULES = Object.keys(RULES) as readonly AlertRule[];

// A ledger may hold a rule of a newer release: that is about nothing we know.
const factsOf = (rule: AlertRule): RuleFacts | undefined => RULES[rule];

/** Whether an alert of that rule is about this. */
export const isAbout = (rule: AlertRule, about: AlertAbout): boolean => factsOf(rule)?.about === about;

/** Whether an alert of that rule is told while its batch still runs. */
export const isToldAtOnce = (rule: AlertRule): boolean => factsOf(rule)?.atOnce === true;
