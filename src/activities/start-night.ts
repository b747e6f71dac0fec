import { activityInfo, cancellationSignal, cancelled } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import { readBatch, type Batch } from '../batch/read-batch.js';
import { leftToDo } from '../client/left-to-do.js';
import { mustBeFillable, preflight } from '../client/preflight.js';
import { startBatch, type Starter, type Started, type WontDo, isBatchFinished } from '../client/start.js';
import { AdapterError, InvalidBatch, NothingToDo } from '../contract/errors.js';
import type { NightEnd, NightRequest, NightStep } from '../contract/messages.js';
import { messageOf } from '../contract/thrown.js';
import { noRoom, roomIn } from '../free-room.js';
import type { NewNight, NightOutcome, NightRow } from '../ledger/ledger.js';
import { upstreamStanding } from '../nights/upstream.js';
import { lastFire } from '../policy/fire-times.js';
import { nightTitle } from '../policy/night-alerts.js';
import { editionOf, nightOf } from '../policy/nights.js';
import { rereadDelay } from '../policy/reread.js';
import { SERVED, lastWords, type SeenNight } from '../policy/seen-nights.js';
import { duration } from '../report/format.js';
import type { Deps } from './deps.js';
import { retryAfter, triesSoFar } from './failure.js';
import { failingSince, noteFailure } from './heartbeat.js';
import { keepSchedule } from './keep-schedule.js';
import { newestInstead } from './newest-instead.js';
import {
  ANOTHER_WAITS,
  anotherWaits,
  giveWay,
  isRunning,
  otherRun,
  stays,
  type OverlappingNight,
} from './overlap.js';
import { pingFinished } from './tell-monitor.js';
import { tellOfNight } from './tell-of-night.js';

/**
 * Starts the batch of one night, or says why not; the same code and the same keys as `nightshift run`.
 *  S1. Each decision is a row of `scheduled_nights` before this returns: a night that did not run is never silent.
 *  S2. What becomes of it is told: a night that did not run has its report and its alert, and one that a finished batch
 *      serves is named by that batch's report.
 *  S3. A night whose batch is done, or under way, is served by it, whoever started it, whatever the overlap rule, and
 *      however late somebody comes to it; one that was served stays so.
 *  S4. What a run needs, such as a key, is looked for only where one is to start: a night that needs no run is served
 *      on a host that could not run it.
 *  S5. What may pass, such as a program that failed to list the jobs, a file that is not there yet, a full disk or an
 *      engine that does not answer, is no reason to leave a night out while it may still be late; a mistake in a file is
 *      one at once.
 *  S6. Of nights that an outage has brought together the newest begins, whichever comes first.
 */
export const startNight =
  (deps: Deps) =>
  (request: NightRequest): Promise<NightStep> =>
    nightStep(request, deps);

const WONT_DO: Readonly<Record<WontDo, string>> = {
  'other-contents': 'the run of an older version of this batch',
  'being-cancelled': 'the run of this batch that is being cancelled',
};

async function nightStep(request: NightRequest, deps: Deps): Promise<NightStep> {
  const { schedule, waits } = request;
  const { ledger } = deps;
  const night = identify(request);
  const overlapping: OverlappingNight = {
    ...night,
    schedule,
    rule: request.overlap ?? schedule.overlap,
    joinsQueue: waits === 0 && !night.asked,
  };

  const lateMs = deps.now().getTime() - Date.parse(request.dueAt);
  const isStale = !night.asked && waits === 0 && lateMs > schedule.staleMs;
  let batch: Batch;
  try {
    return await decide();
  } catch (error) {
    if (cancellationSignal().aborted) return cancelled();
    return againOrNever(error);
  }

  async function decide(): Promise<NightStep> {
    if (!night.asked && (await ranAtOtherHour())) {
      return end('repeated', 'the clock showed this time twice; the night has run at the first');
    }
    if (isStale) {
      const [said] = lastWords(await rowsOfNight());
      if (said && SETTLED.has(said.outcome)) return { kind: 'ended', night: endOf(said) }; // S3
    }
    try {
      batch = await readBatch(schedule.batch, {
        edition: night.edition,
        env: deps.env,
        signal: cancellationSignal(),
      });
      if (waits === 0) await keepSchedule(schedule, batch.definition, deps);
      mustBeFillable(batch);
    } catch (error) {
      if (error instanceof NothingToDo) return nothingToDo(error);
      throw error;
    }
    const starter = starterOf(deps);
    if (await isBatchFinished(batch, starter)) return end('finished', 'was done already', batch.workflowId);

    let although = '';
    if (!(await isRunning(batch.workflowId, deps))) {
      const may = await mayStart();
      if (may.kind !== 'go') return may;
      await mustHaveRoom(); // S5
      although = may.although;
    }
    const started = await startBatch(batch, starter, night.by);
    if (started.after) {
      // The one that waits reads the file when its turn comes: it does what all of them are for.
      if (await anotherWaits(overlapping, deps, batch.workflowId))
        return end('skipped', ANOTHER_WAITS, batch.workflowId);
      const title = WONT_DO[started.after.because];
      const why = `waits for ${title}`;
      await note('queued', why, batch.workflowId);
      return wait(batch.workflowId, title, why);
    }
    const [outcome, why] = outcomeOf(started);
    return end(outcome, `${why}${although}`, batch.workflowId);
  }

  /** Whether a run is to begin, now that none is there. */
  async function mayStart(): Promise<NightStep | Go> {
    if (isStale) return tooLate();
    const newest = await newestDue();
    if (newest !== undefined) {
      const title = nightTitle(newest, schedule.timeZone);
      return end('skipped', `it came late, and the night of ${title} was due as well: the newest starts`);
    }
    const before = await whatGoesBefore();
    if (before.kind !== 'go') return before;
    const other = await otherRun(batch.definition.name, batch.workflowId, deps);
    if (!(other && (await stays(other, overlapping, deps)))) {
      await preflight(batch, { env: deps.env }, true, () => leftToDo(batch, ledger)); // S4
    }
    if (!other) return before;
    const way = await giveWay(other, overlapping, deps);
    if (way.kind === 'end') return end(way.outcome, way.why, other.id);
    await note('queued', way.noted, other.id);
    return { ...wait(other.id, way.title, way.why), ...(way.orApprovalsLeft && { orApprovalsLeft: true }) };
  }

  /** The batch would end at once on a full disk, and its night with it. */
  async function mustHaveRoom(): Promise<void> {
    const full = noRoom(await roomIn(deps.stateDir));
    if (full === undefined || (await leftToDo(batch, ledger)) !== 'sessions') return;
    throw new AdapterError('transient', `${full.message}; ${full.hint}`, { sent: 'no' });
  }

  /** The night that this one leaves its place to (S6); one that it shares its batch with is served by the same run. */
  async function newestDue(): Promise<string | undefined> {
    if (night.asked || waits > 0 || !batch.definition.identity.includes('edition')) return undefined;
    return newestInstead(schedule, night, overlapping.rule, deps);
  }

  function rowsOfNight(): Promise<readonly NightRow[]> {
    return ledger.scheduledNights({ schedule: schedule.name, night: night.night });
  }

  async function ranAtOtherHour(): Promise<boolean> {
    return (await rowsOfNight()).some(
      ({ dueAt, outcome }) => dueAt !== night.dueAt && (SERVED.has(outcome) || outcome === 'queued'),
    );
  }

  /**
   * Whether the night that this one comes after is done. A person who asks for a night is told at once, for the end of
   * that one may be hours away.
   */
  async function whatGoesBefore(): Promise<NightStep | Go> {
    const { after, timeZone } = schedule;
    if (!after) return GO;
    const upstream = { schedule: after.schedule, edition: night.edition, dueAt: night.dueAt };
    const standing = await upstreamStanding(upstream, ledger);
    if (standing.kind === 'done') return GO;
    const now = deps.now();
    const untilAt = request.untilAt ?? new Date(now.getTime() + after.withinMs).toISOString();
    if (!night.asked && now.toISOString() < untilAt) {
      const limit = nightTitle(nightOf(new Date(untilAt), timeZone), timeZone);
      const why = `waits until ${limit} at most: ${standing.why}`;
      await note('queued', why);
      return { kind: 'after', upstream: { ...upstream, untilAt }, why };
    }
    const waited = night.asked ? '' : ` after ${duration(after.withinMs)}`;
    const why = `what it comes after is not done${waited}: ${standing.why}`;
    if (after.otherwise === 'run') return { kind: 'go', although: `, although ${why}` };
    return end('skipped', why);
  }

  /** The list may be fuller another time: who asks for this night again gets what is there then. */
  async function nothingToDo({ definition, message }: NothingToDo): Promise<NightStep> {
    await keepSchedule(schedule, definition, deps);
    if (!night.asked && !isStale) await pingFinished(deps, definition, night.runId);
    return end('empty', message);
  }

  function tooLate(): Promise<NightStep> {
    const late = `for ${minutes(lateMs)}; at most ${minutes(schedule.staleMs)} are allowed`;
    const failing = failingSince();
    const wasInTime = failing !== undefined && failing < Date.parse(request.dueAt) + schedule.staleMs;
    return wasInTime
      ? end('failed', `trouble has kept it from starting ${late}`)
      : end('stale', `no worker took it ${late}`);
  }

  /** S5. A person who asks for a night is told at once, or soon. */
  async function againOrNever(error: unknown): Promise<NightStep> {
    const why = troubleText(error, deps.worker);
    const delayMs = delayAfter(error);
    if (delayMs !== undefined) throw again(why, delayMs);
    try {
      return await (isStale ? tooLate() : end('failed', why));
    } catch {
      throw again(why, UNHEARD_MS); // S1
    }
  }

  function delayAfter(error: unknown): number | undefined {
    const { tries } = triesSoFar(AGAIN);
    const whileInTime = night.asked ? undefined : rereadDelay(request.dueAt, schedule, tries, deps.now());
    if (error instanceof InvalidBatch) return error.mayPass ? whileInTime : undefined;
    return whileInTime ?? (tries < TROUBLE_TRIES_MAX ? TROUBLE_MS * 2 ** tries : undefined);
  }

  function again(why: string, delayMs: number): ApplicationFailure {
    noteFailure(AGAIN, deps.now().getTime());
    return retryAfter(AGAIN, why, delayMs);
  }

  async function note(outcome: NightOutcome, why: string, batchId?: string): Promise<void> {
    const { asked: _, ...row } = night;
    await ledger.recordNight({ ...row, outcome, why, ...(batchId !== undefined && { batchId }) });
  }

  async function end(outcome: NightOutcome, why: string, batchId?: string): Promise<NightStep> {
    await note(outcome, why, batchId);
    // One of long ago, as a person may ask for, says nothing of the night that the monitor waits for.
    if (outcome === 'finished' && !night.asked && !isStale)
      await pingFinished(deps, batch.definition, night.runId);
    await tellOfNight(schedule.name, outcome, batchId, deps);
    return { kind: 'ended', night: endOf({ ...night, outcome, why, batchId }) };
  }
}

/** Whatever kept a night from starting. */
const AGAIN = 'transient';

/** Trouble of a night that is not waited for, or that may not be later, is given half a minute to pass. */
const TROUBLE_TRIES_MAX = 5;
const TROUBLE_MS = 1000;
/** Until what came of a night can be written down. */
const UNHEARD_MS = 60_000;

interface Go {
  readonly kind: 'go';
  /** What is to be known of that night beside. */
  readonly although: string;
}
const GO: Go = { kind: 'go', although: '' };

/** Nights that were served, or that somebody wanted to be left out. */
const SETTLED: ReadonlySet<SeenNight['outcome']> = new Set([...SERVED, 'empty', 'paused']);

const endOf = ({
  night,
  edition,
  outcome,
  why,
  batchId,
}: Omit<NightEnd, 'batchId'> & { readonly batchId?: string | undefined }): NightEnd => ({
  night,
  edition,
  outcome,
  why,
  ...(batchId !== undefined && { batchId }),
});

const wait = (batchId: string, title: string, why: string) =>
  ({ kind: 'wait', batchId, title, why }) as const;

interface Identified extends Pick<NewNight, 'schedule' | 'night' | 'dueAt' | 'edition' | 'by' | 'runId'> {
  /** A person asked for it: never too late. */
  readonly asked: boolean;
}

/** A trigger by hand means the night that was due last, so that it joins that night instead of opening another. */
function identify({ schedule, dueAt, exact, by }: NightRequest): Identified {
  const { name, timeZone, edition } = schedule;
  const at = new Date(dueAt);
  const due = exact ? at : (lastFire(schedule, at) ?? at);
  const night = nightOf(due, timeZone);
  const onTime = nightOf(at, timeZone) === night;
  return {
    schedule: name,
    night,
    dueAt: (onTime ? at : due).toISOString(),
    edition: editionOf(due, timeZone, edition),
    by: by ?? (onTime ? `schedule:${name}` : `schedule:${name} (triggered)`),
    runId: activityInfo().workflowExecution?.runId ?? '',
    asked: exact || !onTime,
  };
}

function outcomeOf({ how }: Started): [NightOutcome, string] {
  switch (how) {
    case 'started':
      return ['started', 'started its batch'];
    case 'reopened':
      return ['started', 'its batch was finished and has new work'];
    case 'joined':
      return ['joined', 'its batch was under way'];
    case 'already-completed':
      return ['finished', 'was done already'];
  }
}

const starterOf = ({ ledger, artifacts, client, config, engineKind, worker }: Deps): Starter => ({
  ledger: async () => ledger,
  client: async () => client,
  engine: async () => ({ kind: engineKind }),
  artifacts,
  config,
  who: worker,
});

function troubleText(error: unknown, worker: string): string {
  const message = messageOf(error);
  return error instanceof InvalidBatch
    ? `the batch file can't be used on ${worker}: ${message}`
    : `trouble on ${worker}: ${message}`;
}

const minutes = (ms: number): string => `${Math.round(ms / 60_000)} minutes`;
