import { closedServices } from '../activities/lanes/closed-services.js';
import type { ArtifactStore } from '../contract/artifact.js';
import type { Definition } from '../contract/batch-file.js';
import { jobTitle } from '../contract/job.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import { budgetInForce } from '../batch/budget-in-force.js';
import { readDefinition } from '../batch/manifest.js';
import type { AlertRow } from '../ledger/alert-rows.js';
import type { Approval, BatchRow, Ledger } from '../ledger/ledger.js';
import { isAbout } from '../policy/alert-rules.js';
import {
  alertCauses,
  causesAboutJobs,
  onlyApprovalsLeft,
  withLeft,
  type AlertCause,
  type AlertStanding,
  type ApprovalLimit,
  type LeftCause,
} from '../policy/alerts.js';
import { batchWords } from '../policy/batch-words.js';
import { runCommand, type StartedFrom } from '../report/batch-file-command.js';
import { localTime } from '../report/format.js';
import { leftOf } from '../report/job-counts.js';
import { commandsAt } from '../report/morning/commands.js';
import { routesOf } from './courier.js';
import { deadlineLook } from './deadline.js';
import { spendingOf } from './spending.js';

export interface LookDeps {
  readonly ledger: Ledger;
  readonly artifacts: ArtifactStore;
  /** Absolute; part of the commands that are to be typed. */
  readonly stateDir: string;
  readonly now: () => Date;
  /** While a run goes on, causes are gathered for so long; `GATHER_MS` unless given. Who does not stay to tell gives 0. */
  readonly gatherMs?: number;
}

/** More are counted by nobody's fingers. */
const JOBS_MAX = 20_000;

/** Until causes are told: forty jobs hit at once are one message. */
const GATHER_MS = 5_000;

/**
 * Looks at a batch as the ledger has it, and brings its alerts up to date. What is to be told is queued, not sent.
 * Nothing is handed over: a look that never came is made up for by the next one.
 * @param causes `open`: those of open alerts alone, for what an earlier night has left may be settled by a later one
 */
export async function lookAtBatch(
  batchId: string,
  deps: LookDeps,
  { causes: wanted = 'all' }: { readonly causes?: 'all' | 'open' } = {},
): Promise<void> {
  const { ledger, artifacts, gatherMs = GATHER_MS } = deps;
  const batch = await ledger.batch(batchId);
  if (batch === undefined) return;
  const manifest = readManifestRef(batch.manifest);
  const definition = await readDefinition(manifest, artifacts);
  const over = batch.state !== 'running' && batch.state !== 'paused';
  const standing = await standingOf(batch, definition, deps);
  const { status: statusCommand } = standing.commands;
  const budget = await budgetInForce(batchId, definition, deps);
  const spending = await spendingOf(batch, budget, { ledger, now: deps.now(), statusCommand });
  const open = await ledger.alerts({ open: true, batchName: batch.name });
  const deadline = await deadlineLook(batch, definition, open, {
    ledger,
    now: deps.now(),
    commands: standing.commands,
  });
  const own = [...alertCauses(standing), ...spending, ...deadline.causes];
  const left =
    over || own.some(isAboutJobs) ? await leftOver(batch, standing, [...open, ...own], open, deps) : [];
  const answered = await isAllAnswered(batch, standing, deps);
  const roomAgain = await hasRoomAgain(batch, standing, deps);
  const working = await worksAgain(batch, definition, own, open, deps);
  const causes = withLeft(own, left);
  const known = new Set(open.map(({ fingerprint }) => fingerprint));
  await ledger.noteAlerts({
    batchName: batch.name,
    batchId,
    causes: wanted === 'all' ? causes : causes.filter(({ fingerprint }) => known.has(fingerprint)),
    isOver: (alert) =>
      isAbout(alert.rule, 'deadline')
        ? deadline.isOver(alert)
        : (alert.rule === 'approval' && answered) ||
          (alert.rule === 'budget' && roomAgain) ||
          working.has(alert.fingerprint) ||
          isOver(batch, alert) ||
          isCalledOff(batch, alert),
    routes: { definition: manifest.definition, routes: routesOf(definition.alerts) },
    // Who carries the batch may go when it stands still.
    gatherMs: over || batch.state === 'paused' || onlyApprovalsLeft(standing) ? 0 : gatherMs,
  });
}

const isAboutJobs = ({ rule }: Pick<AlertRow, 'rule'>): boolean => isAbout(rule, 'jobs');

/**
 * Only a run that came to its end proves that a cause is gone; one that somebody cancelled proves nothing, nor does one
 * that had ended before the cause was last seen in another.
 */
const isOver = ({ id, state, closedAt }: BatchRow, alert: AlertRow): boolean =>
  (state === 'completed' || state === 'incomplete') &&
  !isAbout(alert.rule, 'nights') &&
  (alert.batchId === id || (closedAt ?? '') >= alert.lastSeen);

/** A stop-loss stands before nothing any more when its batch was cancelled, which is no recovery. */
const isCalledOff = ({ id, state }: BatchRow, { rule, batchId }: AlertRow): false | 'untold' =>
  rule === 'stop-loss' && batchId === id && state === 'cancelled' ? 'untold' : false;

/** Nothing of that name waits for a person's yes any more, neither here nor in another run that is under way. */
async function isAllAnswered(
  { id, name }: BatchRow,
  { approvals }: AlertStanding,
  { ledger }: LookDeps,
): Promise<boolean> {
  if (approvals.waiting > 0) return false;
  for (const other of await ledger.openBatchesNamed(name)) {
    if (other.id !== id && (await ledger.approvals({ batchId: other.id })).length > 0) return false;
  }
  return true;
}

/** Sessions are under way, and no job is refused one: the day is over, or the budget was raised. */
async function hasRoomAgain(
  { id, state }: BatchRow,
  { unfinished }: AlertStanding,
  { ledger }: LookDeps,
): Promise<boolean> {
  if (state !== 'running' || unfinished.some(({ error }) => error?.class === 'budget')) return false;
  return (await ledger.inHand({ kind: 'batch', name: id })).sessions > 0;
}

/** Alerts whose cause is gone while the run goes on: it was resumed, or what did not work has worked since, in every run of the name. */
async function worksAgain(
  batch: BatchRow,
  definition: Definition,
  own: readonly AlertCause[],
  open: readonly AlertRow[],
  deps: LookDeps,
): Promise<ReadonlySet<string>> {
  const { ledger } = deps;
  const gone = new Set<string>();
  if (batch.state !== 'running') return gone;
  const found = new Set(own.map(({ fingerprint }) => fingerprint));
  for (const alert of open) {
    if (found.has(alert.fingerprint) || !(await hasWorkedSince(alert, batch, definition, ledger))) continue;
    if (!(await isCauseElsewhere(alert, batch, deps))) gone.add(alert.fingerprint);
  }
  return gone;
}

async function hasWorkedSince(
  { rule, subject, batchId, lastSeen }: AlertRow,
  { id }: BatchRow,
  { agent, effects }: Definition,
  ledger: Ledger,
): Promise<boolean> {
  if (rule === 'stop-loss') return batchId === id;
  if (!isAbout(rule, 'service')) return false;
  if (subject === '') return ledger.worksSince(id, lastSeen);
  if (subject === agent.use) return ledger.worksSince(id, lastSeen, { provider: agent.use });
  const effect = effects.find(({ name, use }) => subject === name || subject === `${name} (${use})`);
  return effect !== undefined && ledger.worksSince(id, lastSeen, { effect: effect.name });
}

async function isCauseElsewhere(
  { fingerprint }: AlertRow,
  { id, name }: BatchRow,
  deps: LookDeps,
): Promise<boolean> {
  for (const other of await deps.ledger.openBatchesNamed(name)) {
    if (other.id === id) continue;
    const causes = alertCauses(await standingAsStored(other, deps));
    if (causes.some((cause) => cause.fingerprint === fingerprint)) return true;
  }
  return false;
}

/**
 * What other nights, or lists, of the same name have left for a person: it holds the alerts that are open. A job that
 * several of them name is left once.
 */
async function leftOver(
  { id, name }: BatchRow,
  { unfinished }: Standing,
  told: readonly Pick<AlertCause, 'fingerprint' | 'rule'>[],
  open: readonly AlertRow[],
  deps: LookDeps,
): Promise<LeftCause[]> {
  const held = new Set(told.filter(isAboutJobs).map(({ fingerprint }) => fingerprint));
  if (held.size === 0) return [];
  const counted = new Set(unfinished.map(({ key }) => key));
  const left: LeftCause[] = [];
  for (const batch of await stuckBatches(name, open.filter(isAboutJobs), deps)) {
    if (batch.id === id) continue;
    const standing = await standingAsStored(batch, deps);
    const jobs = standing.unfinished.filter(({ key }) => !counted.has(key));
    for (const { key } of jobs) counted.add(key);
    const night = batch.edition ?? localTime(batch.openedAt);
    for (const cause of causesAboutJobs({ ...standing, unfinished: jobs }))
      if (held.has(cause.fingerprint)) left.push({ ...cause, batchId: batch.id, night });
  }
  return left;
}

/** Also those cancelled since, where an open alert is about them. */
async function stuckBatches(
  name: string,
  open: readonly AlertRow[],
  { ledger }: LookDeps,
): Promise<readonly BatchRow[]> {
  const stuck = [...(await ledger.stuckBatchesNamed(name))];
  for (const batchId of new Set(open.map((alert) => alert.batchId))) {
    if (stuck.some(({ id }) => id === batchId)) continue;
    const batch = await ledger.batch(batchId);
    if (batch !== undefined) stuck.push(batch);
  }
  return stuck;
}

type Standing = AlertStanding & { readonly commands: ReturnType<typeof commandsFor> };

/** Of another batch than the one that is looked at, by its own file. */
const standingAsStored = async (batch: BatchRow, deps: LookDeps): Promise<Standing> =>
  standingOf(batch, await readDefinition(readManifestRef(batch.manifest), deps.artifacts), deps);

async function standingOf(batch: BatchRow, definition: Definition, deps: LookDeps): Promise<Standing> {
  const { ledger, now } = deps;
  const { id, name, state, stateBy, reason, openedSeq } = batch;
  const counts = await ledger.counts(id, openedSeq);
  const troubled = counts.parked + counts.held + counts.gated > 0;
  const unfinished = troubled
    ? await ledger.jobReports(id, { states: ['parked', 'held', 'gated'], limit: JOBS_MAX })
    : [];
  const asked = counts.gated === 0 ? [] : await ledger.approvals({ batchId: id });
  const rejected = unfinished.filter((job) => job.unapproved === 'rejected').length;
  return {
    name,
    state,
    stateBy,
    reason,
    jobs: counts.jobs,
    waiting: counts.waiting + counts.running,
    approvals: { waiting: asked.length, limit: firstLimit(asked) },
    settled: (counts.discarded ?? 0) + rejected > 0 && leftOf(counts) === rejected,
    unfinished: unfinished.map((job) => ({ ...job, title: jobTitle(job.identity) })),
    provider: definition.agent.use,
    publishers: new Map(definition.effects.map((effect) => [effect.name, effect.use])),
    closed: state === 'completed' ? [] : await closedServices(definition, ledger),
    nowMs: now().getTime(),
    commands: commandsFor(batch, batchWords(batch, await ledger.namesakes(batch)), deps.stateDir),
  };
}

/** What runs out first. */
function firstLimit(asked: readonly Approval[]): ApprovalLimit | undefined {
  const [first] = asked
    .flatMap(({ dueAt, onTimeout }) => (dueAt === undefined ? [] : [{ dueAt, onTimeout }]))
    .sort((a, b) => (a.dueAt < b.dueAt ? -1 : 1));
  return first && { until: localTime(first.dueAt), then: first.onTimeout };
}

/**
 * They name the state directory, for whoever reads them is elsewhere.
 * @param named words that mean the batch
 */
export function commandsFor(from: StartedFrom, named: readonly string[], stateDir: string) {
  const command = commandsAt({ directory: undefined, stateDir });
  return {
    status: command('status', ...named),
    run: runCommand(command, from),
    retry: command('retry', ...named),
    approve: command('approve', ...named),
    resume: command('resume', ...named),
    lanes: command('lanes'),
    concurrency: `${command('concurrency', ...named)} N`,
    doctor: command('doctor'),
  };
}
