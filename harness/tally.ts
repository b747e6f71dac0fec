import type { DestinationCounts } from './destination.js';
import type { ServiceCounts } from './agent-service.js';
import { JOBS, namesOf, nightFaults } from './faults.js';
import { WORLDS, serviceKey, slugOf, type World } from './night.js';
import type { Fake, Whose } from './wire.js';

export interface Places {
  readonly service: Fake<ServiceCounts>;
  readonly destination: Fake<DestinationCounts>;
  readonly speed: number;
  /** Nights that are carried there. */
  readonly block: readonly number[];
}

/** How a night ended, as its carrier saw it. */
export interface NightEnd extends Whose {
  readonly begun: number;
  /** Milliseconds since the epoch; not after the deadline, and for scripts before the morning. */
  readonly endedAt: number;
  /** Of the night, to its end or to where it broke off. */
  readonly minutes: number;
  readonly speed: number;
  readonly failed: boolean;
  readonly errors: readonly string[];
  /** By slug, for a carrier that reports them. */
  readonly states: Readonly<Record<string, string>>;
}

/** Said of a night whose end its carrier did not hear of by the deadline. */
export const NOT_HEARD = 'not done at the deadline';

/** A night as the destination and the service saw it. */
export interface NightRow extends Whose {
  /** Drawn in advance. */
  readonly faults: readonly string[];
  /** Calls that went wrong. */
  readonly struck: number;
  /** At the deadline: present and whole, without a person. */
  readonly done: number;
  /** Parked, held, gated or never begun, with a fault that is a person's: a poisoned job, a dead credential. */
  readonly parkedByPolicy: number;
  readonly needPerson: number;
  readonly failed: boolean;
  /** Visible posts of one job beyond the first, at the very end. */
  readonly duplicates: number;
  /** Neither at the destination nor named by the report. Scripts report nothing: they lose what is still not there. */
  readonly losses: number;
  /** Empty or cut articles that visitors see. */
  readonly rubbish: number;
  readonly cents: number;
  readonly wastedCents: number;
  readonly whileLimited: number;
  readonly ignoredWaits: number;
  readonly minutes: number;
  /** Seconds of the night per real second. */
  readonly speed: number;
  readonly errors: readonly string[];
}

/**
 * Counts one night. Everything is counted where it happened: posts at the destination, money and calls at the service;
 * of the carrier only the names that its report gives to what is not done.
 */
export function rowOf(
  seed: string,
  end: NightEnd,
  { posts, struck }: DestinationCounts,
  counts: ServiceCounts,
): NightRow {
  const { world, night, states } = end;
  const faults = nightFaults(seed, night);
  const name = `${world}/${night}`;
  const shown = posts[name] ?? [];
  let [done, parkedByPolicy, duplicates, losses, cents, useful] = [0, 0, 0, 0, 0, 0];
  for (let job = 0; job < JOBS; job++) {
    const slug = slugOf(job);
    const own = shown.filter((post) => post.slug === slug);
    const key = serviceKey(world, night, job);
    const runs = counts.ledger.runs.filter(({ runKey }) => runKey === key);
    const inTime = own.some(({ whole, at }) => whole && at <= end.endedAt);
    const state = states[slug];
    const saysDone = state === undefined || state === 'done' || state === 'adopted';
    cents += runs.reduce((sum, run) => sum + run.cents, 0);
    if (own.some(({ whole }) => whole)) useful += Math.max(0, ...runs.slice(-1).map((run) => run.cents));
    if (inTime && saysDone) done++;
    else if (world === 'nightshift' && !saysDone && (faults.deadCredential || faults.poison === job)) {
      parkedByPolicy++;
    }
    duplicates += Math.max(0, own.length - 1);
    if (own.length === 0 && saysDone) losses++;
  }
  return {
    world,
    night,
    faults: namesOf(faults),
    struck: (struck[name] ?? 0) + (counts.struck[name] ?? 0),
    done,
    parkedByPolicy,
    needPerson: JOBS - done,
    failed: world === 'nightshift' ? end.failed || done + parkedByPolicy < JOBS : end.failed,
    duplicates,
    losses,
    rubbish: shown.filter(({ whole }) => !whole).length,
    cents: round(cents),
    wastedCents: round(cents - useful),
    whileLimited: counts.whileLimited[name] ?? 0,
    ignoredWaits: counts.ignoredWaits[name] ?? 0,
    minutes: round(end.minutes),
    speed: end.speed,
    errors: end.errors,
  };
}

export const isClean = (row: NightRow): boolean =>
  !row.failed && row.duplicates === 0 && row.losses === 0 && row.needPerson === 0 && !endNotHeard(row);

const endNotHeard = ({ errors }: NightRow): boolean => errors.includes(NOT_HEARD);

/** Figures of all nights of one carrier. */
export interface Figures {
  readonly nights: number;
  /** Of these, not run: nothing was in store for them. Money and minutes are of those that ran. */
  readonly calmNotRun: number;
  /** Of those that ran: nothing was drawn in advance, and no call went wrong. */
  readonly calm: number;
  readonly failedNights: number;
  readonly failedShare: number;
  /** With jobs parked by policy counted as failed. */
  readonly failedNightsParkedToo: number;
  /** All posts were out in time, but by the deadline nobody had heard the end of its run. */
  readonly endNotHeard: number;
  readonly jobs: number;
  readonly jobsNeedingPerson: number;
  readonly jobsParkedByPolicy: number;
  readonly duplicates: number;
  readonly nightsWithDuplicates: number;
  readonly losses: number;
  readonly rubbishPublished: number;
  readonly dollars: number;
  readonly dollarsWasted: number;
  readonly callsWhileLimited: number;
  readonly ignoredWaits: number;
  /** Of nights that did not fail: a script that broke off was not quick. */
  readonly minutesMedian: number;
  readonly minutesP95: number;
  /** One-sided 95% upper bound of the share of failed nights, exact (Clopper-Pearson). */
  readonly failedShareBound95: number;
  /** The same with jobs parked by policy counted as failed. */
  readonly parkedTooBound95: number;
  /** At which the nights ran; seconds of the night per real second. */
  readonly speeds: readonly number[];
}

export function figuresOf(rows: readonly NightRow[], calmNotRun = 0): Figures {
  const sum = (of: (row: NightRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const count = (of: (row: NightRow) => boolean): number => rows.filter(of).length;
  const failed = count((row) => row.failed);
  const failedParkedToo = count((row) => row.failed || row.parkedByPolicy > 0);
  const minutes = rows
    .filter((row) => !row.failed)
    .map((row) => row.minutes)
    .sort((a, b) => a - b);
  const at = (part: number): number =>
    minutes[Math.min(minutes.length - 1, Math.floor(part * minutes.length))] ?? 0;
  const nights = rows.length + calmNotRun;
  return {
    nights,
    calmNotRun,
    calm: count((row) => row.faults.length === 0 && row.struck === 0),
    failedNights: failed,
    failedShare: nights === 0 ? 0 : failed / nights,
    failedNightsParkedToo: failedParkedToo,
    endNotHeard: count((row) => !row.failed && endNotHeard(row)),
    jobs: nights * JOBS,
    jobsNeedingPerson: sum((row) => row.needPerson),
    jobsParkedByPolicy: sum((row) => row.parkedByPolicy),
    duplicates: sum((row) => row.duplicates),
    nightsWithDuplicates: count((row) => row.duplicates > 0),
    losses: sum((row) => row.losses),
    rubbishPublished: sum((row) => row.rubbish),
    dollars: round(sum((row) => row.cents) / 100),
    dollarsWasted: round(sum((row) => row.wastedCents) / 100),
    callsWhileLimited: sum((row) => row.whileLimited),
    ignoredWaits: sum((row) => row.ignoredWaits),
    minutesMedian: at(0.5),
    minutesP95: at(0.95),
    failedShareBound95: upperBound95(failed, nights),
    parkedTooBound95: upperBound95(failedParkedToo, nights),
    speeds: [...new Set(rows.map((row) => row.speed))],
  };
}

/** The share at which so few failures, or fewer, come with a chance of 5%. */
export function upperBound95(failures: number, nights: number): number {
  if (failures >= nights) return 1;
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step++) {
    const share = (low + high) / 2;
    if (atMost(failures, nights, share) > 0.05) low = share;
    else high = share;
  }
  return high;
}

/** Chance of at most so many failures. */
function atMost(failures: number, nights: number, share: number): number {
  let logTerm = nights * Math.log1p(-share);
  let total = Math.exp(logTerm);
  for (let k = 1; k <= failures; k++) {
    logTerm += Math.log((nights - k + 1) / k) + Math.log(share) - Math.log1p(-share);
    total += Math.exp(logTerm);
  }
  return total;
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** @param calmNotRun  nights that nightshift was spared */
export const byWorld = (rows: readonly NightRow[], calmNotRun: number): Partial<Record<World, Figures>> =>
  Object.fromEntries(
    WORLDS.flatMap((world) => {
      const own = rows.filter((row) => row.world === world);
      return own.length > 0 ? [[world, figuresOf(own, world === 'nightshift' ? calmNotRun : 0)]] : [];
    }),
  );
