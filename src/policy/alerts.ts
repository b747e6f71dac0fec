/**
 * What is worth waking a person for, and when they are told.
 *
 *  AL1. Only what a person must do is an alert. Success, waits, retries and whatever put itself right are not.
 *  AL2. A cause is one alert however many jobs it hit, in however many runs: its fingerprint has no run, no job and
 *       no time in it. Only of what one run alone has, its deadline, its pace or a share of its budget, each has an alert of
 *       its own.
 *  AL3. An open alert is repeated seldom, and its end is told once, to those who had heard of it (`alert-end.ts`).
 *  AL4. It knows the nights that are in it. One that brings what is told at once is news, and told again at once: a question
 *       with a time limit, time that has run out.
 */
import type { AlertDetail, AlertNight, AlertRule } from '../contract/alerts.js';
import type { OnTimeout } from '../contract/approval.js';
import type { ErrorClass } from '../contract/errors.js';
import { PREFLIGHT, STOP_LOSS } from '../contract/messages.js';
import type { JobReport } from '../contract/result.js';
import { type BatchState, isUnderWay } from '../contract/states.js';
import { sha256Hex } from '../identity/digest.js';
import { isAbout, isToldAtOnce } from './alert-rules.js';
import { isoTime } from './back-at.js';
import { worthTelling, type ClosedService } from './closed-service.js';
import { mendSteps, type MendCommands } from './mend.js';
import { ARTIFACTS, ARTIFACTS_MENDED, isOfArtifacts } from './own-artifacts.js';

/** One thing that a person must see to. */
export interface AlertCause {
  readonly fingerprint: string;
  readonly rule: AlertRule;
  /** Provider or destination; empty where the batch itself is meant. */
  readonly subject: string;
  readonly errorClass: ErrorClass | undefined;
  readonly detail: AlertDetail;
}

export interface ApprovalLimit {
  /** For people, with its zone. */
  readonly until: string;
  readonly then: OnTimeout;
}

/** How a batch stands. Titles and messages come from outside: what shows them makes them harmless. */
export interface AlertStanding {
  readonly name: string;
  readonly state: BatchState;
  readonly stateBy: string;
  readonly reason: string | undefined;
  readonly jobs: number;
  /** Not started, or under way. */
  readonly waiting: number;
  /** Effects that need a person's yes: how many, and where the time for an answer is limited, what runs out first. */
  readonly approvals: { readonly waiting: number; readonly limit?: ApprovalLimit | undefined };
  /** Those that are parked, held or gated; not those whose question was answered, and which only wait for a lane. */
  readonly unfinished: readonly (JobReport & { readonly title: string })[];
  /** Nothing is left of it but what a person has decided: not to do it, or to let it go on. */
  readonly settled?: boolean;
  readonly provider: string;
  /** Name of an effect -> who performs it. */
  readonly publishers: ReadonlyMap<string, string>;
  readonly closed: readonly ClosedService[];
  readonly nowMs: number;
  /** As a person types them. */
  readonly commands: MendCommands & {
    readonly status: string;
    readonly approve: string;
    readonly resume: string;
    readonly lanes: string;
  };
}

const EXAMPLES_MAX = 3;

export const alertFingerprint = (
  rule: AlertRule,
  batch: string,
  subject: string,
  errorClass: string | undefined,
): string => sha256Hex(JSON.stringify([rule, batch, subject, errorClass ?? ''])).slice(0, 32);

/** All causes that a batch has given, each once; only those to be told at once while it is under way. Whoever cancelled it knows. */
export function alertCauses(standing: AlertStanding): AlertCause[] {
  if (standing.state === 'cancelled') return [];
  const over = !isUnderWay(standing.state);
  const all = over || onlyYesIsMissing(standing);
  // A service first: it knows until when it is closed.
  const causes = eachOnce([...serviceCauses(standing), ...jobCauses(standing), ...batchCauses(standing)]);
  const shown = causes.filter(({ rule }) => all || tellsAtOnce(rule, standing));
  // A batch that ended for a reason that is told anyway needs no message of its own.
  const told = shown.length > 0 && (standing.reason === undefined || standing.stateBy === PREFLIGHT);
  return told ? shown : [...shown, ...incomplete(standing)];
}

/** Whether a batch tells of it while it runs. */
export const tellsAtOnce = (rule: AlertRule, { approvals }: Pick<AlertStanding, 'approvals'>): boolean =>
  isToldAtOnce(rule) || (rule === 'approval' && approvals.limit !== undefined);

/** What jobs of this batch wait for, each cause once, whether or not it is told already. */
export const causesAboutJobs = (standing: AlertStanding): AlertCause[] =>
  eachOnce(jobCauses(standing)).filter(({ rule }) => isAbout(rule, 'jobs'));

/** So many nights have their commands in an alert beside the one that speaks; more are counted. */
export const NIGHTS_MAX = 3;

/** What jobs of one night, or list, wait for. */
export interface CauseOfNight extends AlertCause {
  readonly batchId: string;
  /** Which night, for people. */
  readonly night: string;
  /** When the night was opened, by the sequence of the ledger. */
  readonly openedSeq: number;
  /** Whether the night tells of it by now; one under way mostly does so at its end. */
  readonly isTold: boolean;
  /** AL4: whether it has brought a job for which that is told at once. */
  readonly isAtOnce: boolean;
}

/** AL2 over several nights: those that have jobs of a cause are all in one alert, which is about the one that speaks first. */
export function overNights(causes: readonly CauseOfNight[]): CauseOfNight[] {
  const found = new Map<string, { cause: CauseOfNight; others: number; isLate: boolean }>();
  for (const cause of [...causes].sort(whichSpeaksFirst)) {
    const { fingerprint, rule, detail, night } = cause;
    const nights = [nightIn(cause)];
    const first = found.get(fingerprint);
    const isLate = rule === 'unanswered';
    if (first === undefined) {
      found.set(fingerprint, { cause: { ...cause, detail: { ...detail, nights } }, others: 0, isLate });
      continue;
    }
    const next =
      first.others < NIGHTS_MAX
        ? detail.next.map(({ what, command }) => ({ what: `of ${night}: ${what}`, command }))
        : [];
    const before = first.cause.detail;
    // What came of a question is said beside the question that another night asks.
    const headline = isLate && !first.isLate ? `of ${night}: ${detail.headline}` : undefined;
    const both = {
      ...bothOf(before, { ...detail, next }),
      ...(headline !== undefined && { headline: `${before.headline}; ${headline}` }),
      of: before.of + detail.of,
      nights: [...(before.nights ?? []), ...nights],
    };
    const others = first.others + 1;
    found.set(fingerprint, {
      cause: { ...first.cause, detail: both },
      others,
      isLate: first.isLate || isLate,
    });
  }
  return [...found.values()].map(({ cause }) => cause);
}

const nightIn = ({ batchId, rule, isAtOnce }: CauseOfNight): AlertNight => ({
  batchId,
  ...(isAtOnce && { atOnce: rule }),
});

/** What is told at once before what can wait, and that before what is not told yet; then the newest night. */
const whichSpeaksFirst = (a: CauseOfNight, b: CauseOfNight): number =>
  Number(b.isAtOnce) - Number(a.isAtOnce) || Number(b.isTold) - Number(a.isTold) || b.openedSeq - a.openedSeq;

/** AL4. Where the nights are not known, another rule is news: a warning that has come true. */
export function hasNews(
  before: Pick<AlertCause, 'rule' | 'detail'>,
  now: Pick<AlertCause, 'rule' | 'detail'>,
): boolean {
  const known = before.detail.nights;
  if (known === undefined || now.detail.nights === undefined) return before.rule !== now.rule;
  const wasSaid = ({ batchId, atOnce }: AlertNight) =>
    known.some((night) => night.batchId === batchId && night.atOnce === atOnce);
  return now.detail.nights.some((night) => night.atOnce !== undefined && !wasSaid(night));
}

/** AL2: causes of one fingerprint are one. The first says what is the matter; all say whom it hit and what to do. */
export function eachOnce<C extends AlertCause>(causes: readonly C[]): C[] {
  const found = new Map<string, C>();
  for (const cause of causes) {
    const { fingerprint, detail } = cause;
    const first = found.get(fingerprint);
    found.set(fingerprint, first ? { ...first, detail: bothOf(first.detail, detail) } : cause);
  }
  return [...found.values()];
}

const bothOf = (first: AlertDetail, other: AlertDetail): AlertDetail => ({
  ...first,
  jobs: first.jobs + other.jobs,
  // Jobs are better examples than the service that all of them name.
  examples: [...first.examples, ...other.examples]
    .sort((a, b) => Number(a.key === '') - Number(b.key === ''))
    .slice(0, EXAMPLES_MAX),
  next: [
    ...first.next,
    ...other.next.filter(({ command }) => first.next.every((is) => is.command !== command)),
  ],
});

/** Open, and nothing moves before a person has said yes or no: what would be told at its end is told now. */
export const onlyYesIsMissing = ({
  state,
  waiting,
  approvals,
}: Pick<AlertStanding, 'state' | 'waiting' | 'approvals'>): boolean =>
  state === 'running' && waiting === 0 && approvals.waiting > 0;

function jobCauses(standing: AlertStanding): AlertCause[] {
  const groups = new Map<string, { rule: AlertRule; subject: string; jobs: AlertStanding['unfinished'] }>();
  // The question and its time running out are one alert, which is told again then.
  const isOverdue = standing.unfinished.some((job) => job.unapproved === 'unanswered');
  for (const job of standing.unfinished) {
    const rule = ruleOf(job);
    if (rule === undefined || (rule === 'approval' && isOverdue)) continue;
    const subject = subjectOf(job, rule, standing);
    const id = JSON.stringify([rule, subject, rule === 'unanswered' ? undefined : job.error?.class]);
    const group = groups.get(id);
    groups.set(id, { rule, subject, jobs: [...(group?.jobs ?? []), job] });
  }
  return [...groups.values()].map(({ rule, subject, jobs }) => {
    const errorClass = rule === 'unanswered' ? undefined : jobs[0]?.error?.class;
    const [example] = jobs.filter(({ heldForSession }) => heldForSession);
    const mended =
      subject === ARTIFACTS
        ? [{ what: `${ARTIFACTS_MENDED}, go on`, command: standing.commands.retry }]
        : undefined;
    return {
      fingerprint: alertFingerprint(
        rule === 'unanswered' ? 'approval' : rule,
        standing.name,
        subject,
        errorClass,
      ),
      rule,
      subject,
      errorClass,
      detail: {
        headline:
          example === undefined
            ? headlineOf(rule, subject, errorClass, standing, jobs)
            : `nobody can tell what sessions at ${subject} have done, so no other ones are begun`,
        jobs: jobs.length,
        of: standing.jobs,
        examples: examplesOf(jobs),
        next:
          mended ?? (example === undefined ? nextOf(rule, standing, jobs) : sessionNext(example, standing)),
      },
    };
  });
}

/** Some of the jobs, and why. */
export const examplesOf = (jobs: AlertStanding['unfinished']): AlertDetail['examples'] =>
  jobs.slice(0, EXAMPLES_MAX).map(({ key, title, error }) => ({ key, title, message: error?.message ?? '' }));

function ruleOf(job: JobReport): AlertRule | undefined {
  const { state, error } = job;
  switch (state) {
    case 'gated':
      if (error?.class === 'auth' || error?.class === 'config' || error?.class === 'budget')
        return error.class;
      if (error === undefined) return 'approval';
      // A wait that a service asks for in this way is longer than patience.
      return error.class === 'exhausted' || error.class === 'throttled' ? 'quota' : 'down';
    case 'held':
      if (job.unapproved === 'rejected') return undefined; // whoever said no knows
      if (job.unapproved === 'unanswered') return 'unanswered';
      if (error?.class === 'conflict') return 'conflict';
      if (job.heldForSession) return 'held'; // no effect, so nothing to say "landed" of
      return error?.class === 'unknown' ? 'unclear' : 'held';
    case 'parked':
      return 'parked';
    default:
      return undefined;
  }
}

/** Our artifacts, where those stop it; else the effect that stands out, else the agent. A conflict is between two payloads, and nobody's else. */
function subjectOf(job: JobReport, rule: AlertRule, { provider, publishers }: AlertStanding): string {
  if (rule === 'conflict' || rule === 'budget' || rule === 'approval' || rule === 'unanswered') return '';
  if (isOfArtifacts(job.error?.message)) return ARTIFACTS;
  // Whatever stops at an effect begins with its name.
  const said = job.error?.message ?? '';
  const named = [...publishers.keys()].find((name) => said.startsWith(`${name}: `));
  const stuck = named ?? job.effects.find(({ state }) => state === 'unknown' || state === 'held')?.name;
  if (stuck === undefined) return provider;
  const use = publishers.get(stuck);
  return use === undefined ? stuck : `${stuck} (${use})`;
}

function headlineOf(
  rule: AlertRule,
  subject: string,
  errorClass: ErrorClass | undefined,
  { jobs, waiting, approvals }: AlertStanding,
  hit: AlertStanding['unfinished'],
): string {
  const rest = waiting > 0 ? `; ${waiting} of ${jobs} jobs wait` : '';
  if (subject === ARTIFACTS) return `artifacts can’t be stored or read, so no job can go on${rest}`;
  switch (rule) {
    case 'auth':
      return `${subject} refuses the credentials, so no job can go on${rest}`;
    case 'config':
      return `${subject} can’t work with its configuration, so no job can go on${rest}`;
    case 'quota':
      return `the quota at ${subject} is used up and does not come back soon${rest}`;
    case 'down':
      return `${subject} takes no requests for longer than patience lasts${rest}`;
    case 'budget':
      return `the budget is used up${rest}`;
    case 'unclear':
      return `nobody can tell whether ${subject} has got what was sent`;
    case 'approval': {
      const what = approvals.waiting === 1 ? '1 effect waits' : `${approvals.waiting} effects wait`;
      const { limit } = approvals;
      const until = limit && ` until ${limit.until}; what nobody has answered then is ${THEN[limit.then]}`;
      return `${what} for approval${until ?? ''}${rest}`;
    }
    case 'unanswered': {
      const was = isRejected(hit) ? THEN.reject : THEN.hold;
      return `the time for approval ran out, and nobody had answered: ${hit.length} of ${jobs} jobs ${hit.length === 1 ? 'was' : 'were'} ${was}${rest}`;
    }
    case 'conflict':
      return 'jobs are listed with other contents than they were done with';
    case 'held':
      return `jobs are held at ${subject} and wait for a decision`;
    default:
      return `jobs gave up at ${subject}${errorClass === undefined ? '' : `, with error class ${errorClass}`}`;
  }
}

/** What becomes of an effect that nobody has answered for in time. */
const THEN: Readonly<Record<OnTimeout, string>> = {
  hold: 'held, and a late yes is still good',
  reject: 'rejected',
  approve: 'sent without a yes',
};

const isRejected = (jobs: AlertStanding['unfinished']): boolean =>
  jobs.every(({ error }) => error?.class === 'rejected');

const sessionNext = ({ key }: JobReport, { commands }: AlertStanding): AlertDetail['next'] => [
  {
    what: 'look at the service whether the run exists and what it did; then, for each job that shall have another',
    command: `${commands.retry} --job ${key}`,
  },
  { what: 'see all of them', command: commands.status },
];

function nextOf(
  rule: AlertRule,
  { commands }: AlertStanding,
  hit: AlertStanding['unfinished'] = [],
): AlertDetail['next'] {
  const see = { what: 'see all of them', command: commands.status };
  switch (rule) {
    case 'auth':
    case 'config':
    case 'budget':
      return [...mendSteps(rule, commands), see];
    case 'quota':
      return [{ what: 'when the quota is back, go on', command: commands.retry }];
    case 'down':
      return [{ what: 'when the service takes requests again, go on', command: commands.retry }];
    case 'unclear':
      return [{ what: 'look there, then say whether it landed', command: commands.approve }, see];
    case 'approval':
      return [{ what: 'see what each would do, and say yes or no', command: commands.approve }];
    case 'unanswered':
      return isRejected(hit)
        ? [
            {
              what: 'to be asked again, for each job',
              command: `${commands.retry} --job ${hit[0]?.key ?? ''}`,
            },
            see,
          ]
        : [
            { what: 'see what each would do, and say yes or no', command: commands.approve },
            { what: 'what was approved leaves with', command: commands.run },
          ];
    case 'conflict':
      return [
        { what: 'see which jobs', command: commands.status },
        {
          what: 'raise "revision" of the job, or restore what it was, then start it from the file',
          command: commands.run,
        },
      ];
    case 'parked':
      return [see, { what: 'give them a new budget and go on', command: commands.retry }];
    default:
      return [see];
  }
}

/** Services that are closed to us for so long that it may cost the night. */
function serviceCauses(standing: AlertStanding): AlertCause[] {
  const { name, closed, nowMs, commands, jobs, waiting } = standing;
  if (standing.state === 'completed') return [];
  return closed.flatMap((service): AlertCause[] => {
    const { subject, needsPerson, why } = service;
    const rule = worthTelling(service, nowMs);
    if (rule === undefined) return [];
    const errorClass = rule === 'quota' ? 'exhausted' : 'transient';
    const what = needsPerson ? SEEN_TO : 'see what is closed, and until when';
    return [
      {
        fingerprint: alertFingerprint(rule, name, subject, errorClass),
        rule,
        subject,
        errorClass,
        detail: {
          headline: `${closedHeadline(rule, service)}; ${waiting} of ${jobs} jobs wait`,
          jobs: 0,
          of: jobs,
          examples: [{ key: '', title: subject, message: why }],
          next: [{ what, command: commands.lanes }],
        },
      },
    ];
  });
}

function closedHeadline(
  rule: 'quota' | 'down',
  { subject, needsPerson, sinceMs, retryAtMs }: ClosedService,
): string {
  if (rule === 'down') return `${subject} has been failing since ${isoTime(sinceMs)}`;
  return needsPerson
    ? `the balance or a spend limit at ${subject} is used up, and does not come back by itself`
    : `the quota at ${subject} is used up until ${isoTime(retryAtMs)}`;
}

/** What a person does about a balance; shown with the command that lists lanes. */
const SEEN_TO =
  'pay there, or raise the limit; this shows when it is looked at again, and how to open it at once';

/** About the batch itself: it stands still by its own rules, or could not begin. */
function batchCauses(standing: AlertStanding): AlertCause[] {
  const { name, state, stateBy, reason, jobs, waiting, commands } = standing;
  if (state === 'paused' && stateBy === STOP_LOSS) {
    return [
      batchCause(standing, 'stop-loss', {
        headline: `nothing new is started: ${reason ?? 'a stop-loss rule was met'}`,
        jobs: 0,
        of: jobs,
        examples: [],
        next: [
          { what: `see why; ${waiting} jobs wait`, command: commands.status },
          { what: 'when the cause is gone, go on', command: commands.resume },
        ],
      }),
    ];
  }
  if (state === 'incomplete' && stateBy === PREFLIGHT) {
    return [
      batchCause(standing, 'config', {
        headline: `nothing was started, ${waiting} of ${jobs} jobs wait`,
        jobs: waiting,
        of: jobs,
        examples: reason === undefined ? [] : [{ key: '', title: name, message: reason }],
        next: nextOf('config', standing),
      }),
    ];
  }
  return [];
}

/** A cause that is a matter of no single service. */
export const batchCause = (
  { name }: Pick<AlertStanding, 'name'>,
  rule: AlertRule,
  detail: AlertDetail,
): AlertCause => ({
  fingerprint: alertFingerprint(rule, name, '', undefined),
  rule,
  subject: '',
  errorClass: undefined,
  detail,
});

function incomplete(standing: AlertStanding): AlertCause[] {
  const { state, reason, jobs, waiting, commands } = standing;
  if (state !== 'incomplete' || standing.settled) return [];
  return [
    batchCause(standing, 'incomplete', {
      headline: `the run ended with ${waiting} of ${jobs} jobs not finished${reason === undefined ? '' : `: ${reason}`}`,
      jobs: waiting,
      of: jobs,
      examples: [],
      next: [
        { what: 'see how it stands', command: commands.status },
        { what: 'go on', command: commands.retry },
      ],
    }),
  ];
}
