import { type BatchState, isUnderWay } from '../../contract/states.js';
import type { DeadlineStanding } from '../../policy/deadline.js';
import type { ReportCostRow, ReportRows } from '../../ledger/report-rows.js';
import type { ClosedService } from '../../policy/closed-service.js';
import { batchWords, type Namesakes } from '../../policy/batch-words.js';
import { runCommand } from '../batch-file-command.js';
import { localTimesIn, plural } from '../format.js';
import { finishedOf } from '../job-counts.js';
import { causesOf } from './causes.js';
import { commandsAt, type Place } from './commands.js';
import { decisionsOf } from './decisions.js';
import type {
  CostPart,
  Decision,
  Duplicates,
  Looks,
  MissedNight,
  MorningReport,
  Night,
  Tone,
} from './model.js';
import { NOTHING_SCHEDULED, type Scheduled } from './scheduled.js';
import type { SinceThen } from './since-then.js';
import { timelineOf } from './timeline.js';

export interface BuildOptions {
  readonly now: Date;
  readonly timeZone: string;
  readonly place: Place;
  /** Which other batches go by its name. */
  readonly namesakes?: Namesakes;
  /** What schedules add. */
  readonly scheduled?: Scheduled;
  /** How the run stands to its deadline. */
  readonly deadline?: DeadlineStanding | undefined;
  /** Messages that reached nobody. */
  readonly unheard?: Decision | undefined;
  /** What effects that wait for a yes are sent with, in short, by job key. */
  readonly asked?: ReadonlyMap<string, readonly string[]> | undefined;
  /** Services that its jobs wait for, and that a person is to hear of. */
  readonly closed?: readonly ClosedService[];
  /** What keeps this run from being the whole story. */
  readonly sinceThen?: readonly SinceThen[];
}

/** The morning report of a batch, from what the ledger has of it. Pure. */
export function morningReport(
  ofLedger: ReportRows,
  {
    now,
    timeZone,
    place,
    namesakes = 'none',
    scheduled = NOTHING_SCHEDULED,
    deadline,
    unheard,
    asked = new Map(),
    closed = [],
    sinceThen = [],
  }: BuildOptions,
): MorningReport {
  const rows = inLocalTime(ofLedger, timeZone);
  const { batch, counts, totals } = rows;
  const { name } = batch;
  const named = batchWords(batch, namesakes);
  const own = decisionsOf(rows, { named, command: commandsAt(place), timeZone, asked, closed });
  const { planned, missed, decision } = scheduled;
  const later = sinceThen.filter(({ isLater }) => isLater).map((one) => one.decision);
  const others = sinceThen.filter(({ isLater }) => !isLater).map((one) => one.decision);
  const beside = [...others, decision, unheard].filter((one) => one !== undefined);
  const decisions = [...later, ...others, decision, ...own, unheard].filter((one) => one !== undefined);
  const cost = costParts(rows.costs, () => 'total');
  const night: Night = {
    batchId: batch.id,
    work: batch.work,
    state: batch.state,
    reason: batch.reason,
    stateBy: batch.stateBy,
    openedBy: batch.openedBy,
    begunAt: rows.begunAt,
    openedAt: batch.openedAt,
    closedAt: batch.closedAt,
    deadline,
    counts,
    finished: finishedOf(counts),
    totals,
    duplicates: duplicatesOf(rows),
    landed: { total: totals.effects.landed + totals.effects.adopted, rows: rows.landed },
    discarded: rows.discarded,
    cost: cost[0] ?? noCost(batch.currency),
    bySite: costParts(rows.costs, ({ site }) => site),
    byWork: costParts(rows.costs, ({ work }) => work),
    notPaidAgainMicros: rows.notPaidAgainMicros,
    timeline: timelineOf(rows, now.getTime()),
    nights: [...rows.nights].reverse(),
  };
  return {
    name,
    madeAt: now.toISOString(),
    timeZone,
    headline: [
      ...later.map(({ title }) => `${title}.`),
      later.length > 0
        ? `The run before it: ${lowerFirst(headlineOf(night, batch.jobs, own))}`
        : headlineOf(night, batch.jobs, own),
      ...(deadline?.met === false ? ['It missed its deadline.'] : []),
      ...beside.map(({ title }) => `${title}.`),
    ].join(' '),
    tone: toneOf(night, decisions),
    planned,
    night,
    decisions,
    causes: causesOf(rows),
    missed,
    directory: place.directory,
    looks: looksAt(named, place),
  };
}

/** What was said of jobs and of the batch, by the clock of the report; identities and places stay as they are. */
const inLocalTime = (rows: ReportRows, timeZone: string): ReportRows => {
  const said = <T extends { readonly message: string }>(one: T): T => ({
    ...one,
    message: localTimesIn(one.message, timeZone),
  });
  const { reason } = rows.batch;
  return {
    ...rows,
    batch: { ...rows.batch, reason: reason && localTimesIn(reason, timeZone) },
    unfinished: rows.unfinished.map(said),
    failures: rows.failures.map(said),
  };
};

const looksAt = (named: readonly string[], place: Place): Looks => ({
  afresh: commandsAt(place)('report', ...named),
  receipts: commandsAt(place)('ledger', 'show', ...named),
});

/** The report of a night that never was: nothing was opened. */
export function noNightReport(
  name: string,
  why: string,
  { now, timeZone, place, scheduled = NOTHING_SCHEDULED, unheard, sinceThen = [] }: BuildOptions,
): MorningReport {
  const { planned, missed, decision } = scheduled;
  const [since] = sinceThen;
  const lookFirst: Decision = {
    kind: 'again',
    title: 'Find out why, then start it',
    why,
    count: 1,
    cases: [],
    commands: [
      { say: 'look for what is wrong', command: commandsAt(place)('doctor') },
      { say: 'start it', command: runCommand(commandsAt(place), {}) },
    ],
  };
  return {
    name,
    madeAt: now.toISOString(),
    timeZone,
    headline: `This night never started. ${why}`,
    tone: 'bad',
    planned,
    night: undefined,
    ...(since && { knownAt: since.at }),
    decisions: [decision ?? since?.decision ?? lookFirst, ...(unheard ? [unheard] : [])],
    causes: [],
    missed,
    directory: place.directory,
    looks: looksAt([name], place),
  };
}

/** The report of a night of a schedule that was not to be. */
export function missedNightReport(name: string, night: MissedNight, options: BuildOptions): MorningReport {
  const { scheduled = NOTHING_SCHEDULED } = options;
  const own: Decision = {
    kind: 'missed',
    title: 'Run this night after all, if it is still wanted',
    why: 'Nobody makes up for it by itself.',
    count: 1,
    cases: [],
    commands: [{ say: 'run it after all', command: night.command }],
  };
  const { decision = own } = scheduled;
  return {
    ...noNightReport(name, night.why, { ...options, scheduled: { ...scheduled, decision } }),
    headline: `This night ${night.what === 'skipped' ? 'was skipped' : 'never started'}: ${night.why}.`,
    planned: [night],
  };
}

const lowerFirst = (text: string): string => `${text.slice(0, 1).toLowerCase()}${text.slice(1)}`;

const STATE_WORDS: Readonly<Record<BatchState, string>> = {
  running: 'It is still running',
  paused: 'It is paused',
  completed: 'Nothing is left to do',
  incomplete: 'It ended unfinished',
  cancelled: 'It was cancelled',
};

function headlineOf(
  { state, finished, counts }: Night,
  jobs: number,
  decisions: readonly Decision[],
): string {
  const all = Math.max(jobs, counts.jobs);
  const discarded = counts.discarded === undefined ? '' : `, ${counts.discarded} discarded`;
  const done =
    finished === all
      ? `All ${plural(all, 'job')} done`
      : `${finished} of ${plural(all, 'job')} done${discarded}`;
  if (counts.jobs === 0 && state === 'incomplete') return `${done}. The batch could not be opened.`;
  if (finished === all && all === 1) return `The one job is done. ${STATE_WORDS[state]}.`;
  const waiting = decisions.reduce((sum, { count }) => sum + count, 0);
  if (waiting === 0) return `${done}. ${STATE_WORDS[state]}.`;
  return `${done}; ${waiting === 1 ? 'one thing needs' : `${waiting} things need`} you.${
    state === 'completed' || state === 'incomplete' ? '' : ` ${STATE_WORDS[state]}.`
  }`;
}

function toneOf({ state }: Night, decisions: readonly Decision[]): Tone {
  if (decisions.length > 0) return 'bad';
  if (state === 'completed') return 'good';
  return isUnderWay(state) ? 'open' : 'bad';
}

/** What would have been done a second time, but was not. */
function duplicatesOf({ counts, totals, requests, foundThere, takenOver }: ReportRows): Duplicates {
  const starts = requests.filter(
    ({ what, outcome }) => what === 'start' && (outcome === 'joined' || outcome === 'already-completed'),
  );
  const parts = [
    { count: counts.adopted, what: plain(counts.adopted, 'job was done before', 'jobs were done before') },
    {
      count: foundThere,
      what: plain(
        foundThere,
        'effect was found at its destination',
        'effects were found at their destinations',
      ),
    },
    {
      count: totals.sessions.attached,
      what: plain(
        totals.sessions.attached,
        'session was gone on with after a break, not paid again',
        'sessions were gone on with after a break, not paid again',
      ),
    },
    {
      count: takenOver,
      what: plain(
        takenOver,
        'try was taken over from a worker that came back, and could write nothing more',
        'tries were taken over from workers that came back, and could write nothing more',
      ),
    },
    {
      count: starts.length,
      what: plain(
        starts.length,
        'further start joined the run or found it done',
        'further starts joined the run or found it done',
      ),
    },
  ].filter(({ count }) => count > 0);
  return { total: parts.reduce((sum, { count }) => sum + count, 0), parts };
}

const plain = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

const noCost = (currency: string): CostPart => ({
  key: 'total',
  currency,
  sessions: 0,
  costMicros: 0,
  wastedMicros: 0,
  unknown: 0,
});

/** The dearest first; amounts of two currencies are never added. */
function costParts(
  rows: readonly ReportCostRow[],
  keyOf: (row: ReportCostRow) => string,
): readonly CostPart[] {
  const parts = new Map<string, { -readonly [K in keyof CostPart]: CostPart[K] }>();
  for (const row of rows) {
    const key = keyOf(row);
    const at = JSON.stringify([key, row.currency]);
    const part = parts.get(at) ?? { ...noCost(row.currency), key };
    parts.set(at, part);
    part.sessions += row.sessions;
    part.costMicros += row.costMicros;
    part.wastedMicros += row.wastedMicros;
    part.unknown += row.unknown;
  }
  return [...parts.values()].sort((a, b) => b.costMicros - a.costMicros || (a.key < b.key ? -1 : 1));
}
