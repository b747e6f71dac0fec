import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfWhole } from '../activities/read-artifact.js';
import { assertHarmless, draftOf, keptFile, rehearsalOf } from '../batch/rehearsal-batch.js';
import type { Batch } from '../batch/read-batch.js';
import { apartIn, statePaths, type Config } from '../config.js';
import type { JobReport, RunReport } from '../contract/result.js';
import { isFinished } from '../contract/states.js';
import { Connections, type Notify } from './connections.js';
import { estimateCost } from './estimate-cost.js';
import { assertMayRehearse } from './may-rehearse.js';
import type { Plan } from './plan.js';
import { wouldPay, rehearseBatch, type Draft, type RehearseOptions } from './rehearse.js';
import { unwatchedIn } from './unwatched.js';
import { startBatch } from './start.js';
import { watchBatch, type WatchOptions } from './watch.js';

export interface AgentRehearsalOptions extends RehearseOptions, Pick<WatchOptions, 'onSnapshot'> {
  readonly notify?: Notify;
}

/** What a job's session made in a rehearsal. */
export interface RehearsedJob {
  /** Of the real job. */
  readonly key: string;
  readonly title: string;
  readonly state: JobReport['state'];
  /** Where its artifact is kept; absent where there is none. */
  readonly file?: string;
  readonly sha256?: string;
  readonly error?: JobReport['error'];
}

/** What running the sessions came to. */
export interface AgentRehearsal {
  /** State directory in which it ran: each verb that looks works there. */
  readonly state: string;
  readonly name: string;
  /** Figures of this call: a session of an earlier rehearsal is not paid for again. */
  readonly report: RunReport;
  readonly jobs: readonly RehearsedJob[];
}

export interface PlanWithAgent extends Plan {
  /** Absent where no session was needed, or the destinations could not be looked at. */
  readonly rehearsal?: AgentRehearsal;
}

/**
 * A rehearsal whose sessions are run. They run in a state directory of their own, on an engine of its own, with a ledger
 * of its own: budgets, receipts and jobs of real runs are not touched, and no worker of a real run takes part. Started
 * again after it was killed, it goes on where it was. What keeps real sessions back keeps its sessions back, too.
 *
 * @param looking opened to look
 * @throws UsageError where the agent acts outside by itself; NotNow where a real session could not start; WatchStopped
 *         when `signal` aborts
 */
export async function rehearseWithAgent(
  batch: Batch,
  looking: Connections,
  { signal, onJob, onSnapshot, notify = () => undefined }: AgentRehearsalOptions = {},
): Promise<PlanWithAgent> {
  const state = rehearsalState(looking.config);
  const keptDir = join(state, 'kept');
  const asking = { ...(signal && { signal }), ...(onJob && { onJob }) };
  assertHarmless(batch);
  const before = await rehearseBatch(batch, looking, asking);
  const wanted = new Set(before.jobs.filter(wouldPay).map(({ key }) => key));
  // Nobody pays for a rehearsal that has failed already.
  if (wanted.size === 0 || before.refused.length > 0) return before;

  const toRun = batch.jobs.filter(({ key }) => wanted.has(key));
  await assertMayRehearse(batch, toRun, looking);

  const rehearsal = rehearsalOf(batch, wanted, keptDir);
  await mkdir(keptDir, { recursive: true, mode: 0o700 });
  await writeFile(statePaths(state).apart, APART);
  const connections = new Connections(apartIn(looking.config, state), notify);
  try {
    const started = await startBatch(rehearsal, connections);
    const watching = { ...(signal && { signal }), ...(onSnapshot && { onSnapshot }), noWait: true };
    const report = await watchBatch(started, connections, watching);
    const ledger = await connections.ledger();
    const made = await ledger.jobs(
      batch.definition.work,
      rehearsal.jobs.map(({ key }) => key),
    );
    const reports = new Map(report.jobs.map((job) => [job.key, job]));
    const drafts = new Map<string, Draft>();
    const jobs: RehearsedJob[] = [];
    for (const job of toRun) {
      const { key } = draftOf(batch.definition, job);
      const { state: jobState = 'waiting', error } = reports.get(key) ?? {};
      const sha256 = made.get(key)?.artifact?.sha256;
      const bytes = sha256 === undefined ? undefined : await readIfWhole(connections.artifacts, sha256);
      if (sha256 !== undefined && bytes) drafts.set(job.key, { sha256, bytes });
      const kept = isFinished(jobState);
      jobs.push({
        key: job.key,
        title: before.jobs.find((planned) => planned.key === job.key)?.title ?? job.key,
        state: jobState,
        ...(sha256 !== undefined && { sha256 }),
        ...(kept && { file: join(keptDir, keptFile(key, batch.definition)) }),
        ...(error && { error }),
      });
    }
    const after = drafts.size === 0 ? before : await rehearseBatch(batch, looking, { ...asking, drafts });
    const known = await estimateCost(batch, wanted.size, ledger);
    return {
      ...after,
      // What sessions of this agent have just cost says more than what others did.
      cost: known.from === 'ledger' ? known : after.cost,
      warnings: [...new Set([...after.warnings, ...unwatchedIn(batch.definition, true)])],
      rehearsal: { state, name: rehearsal.definition.name, report, jobs },
    };
  } finally {
    await connections.close();
  }
}

export const rehearsalState = ({ stateDir }: Pick<Config, 'stateDir'>): string => join(stateDir, 'rehearsal');

/** Whoever looks into it later, by whatever command, is not to end up at the real engine or ledger. */
const APART =
  'Rehearsals run here. While this file is there, every command with this state directory uses the engine and the ledger\n' +
  'in it, whatever NIGHTSHIFT_LEDGER and TEMPORAL_ADDRESS say.\n';
