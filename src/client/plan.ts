import { effectsOf } from '../batch/effects.js';
import type { Batch } from '../batch/read-batch.js';
import { jobTitle } from '../contract/job.js';
import type { Verdict } from '../ledger/ledger.js';
import { judge } from '../policy/verdict.js';
import type { Connections } from './connections.js';
import { findUntold } from './untold.js';

export interface PlannedEffect {
  readonly name: string;
  readonly use: string;
  readonly target: string;
  readonly key: string;
  readonly action: 'create' | 'update' | 'none' | 'held';
}

export interface PlannedJob {
  readonly key: string;
  readonly title: string;
  readonly identity: Readonly<Record<string, string>>;
  readonly revision: number;
  readonly verdict: Verdict;
  readonly note: string | undefined;
  readonly effects: readonly PlannedEffect[];
}

export interface Plan {
  readonly name: string;
  readonly key: string;
  readonly workflowId: string;
  readonly counts: Readonly<Record<Verdict, number>>;
  /** Jobs that a run would start. */
  readonly toRun: number;
  readonly jobs: readonly PlannedJob[];
  /** What nobody can tell, and should be known before a start. */
  readonly warnings: readonly string[];
}

/** Asked of the ledger in one query. */
const CHUNK = 1000;

/** What a run would do about each job, from the ledger alone. Reads only. */
export async function planBatch(batch: Batch, connections: Connections): Promise<Plan> {
  const { definition, jobs, key, workflowId } = batch;
  const ledger = await connections.ledger();
  const counts: Record<Verdict, number> = { new: 0, resume: 0, adopt: 0, update: 0, conflict: 0, parked: 0 };
  const planned: PlannedJob[] = [];
  const untold = await findUntold(batch, connections);
  for (let at = 0; at < jobs.length; at += CHUNK) {
    const chunk = jobs.slice(at, at + CHUNK);
    const known = await ledger.jobs(
      definition.work,
      chunk.map((job) => job.key),
    );
    for (const job of chunk) {
      const effects = effectsOf(definition, job);
      const knownJob = known.get(job.key);
      const { fingerprint, revision } = job;
      const { verdict, note } = judge(
        { fingerprint, revision, effectKeys: effects.map((e) => e.key) },
        knownJob,
      );
      const question = effects.find((effect) => untold.held.has(effect.key));
      counts[verdict]++;
      planned.push({
        key: job.key,
        title: jobTitle(job.identity),
        identity: job.identity,
        revision,
        verdict,
        note:
          note ??
          (question && `${question.name}: ${untold.held.get(question.key) ?? ''}`) ??
          (verdict === 'parked'
            ? `${knownJob?.errorClass ?? ''}: ${knownJob?.errorMessage ?? ''}`
            : undefined),
        effects: effects.map(({ name, use, target, key: effectKey }) => {
          const reached = knownJob?.effects.get(effectKey);
          const landed = reached?.state === 'landed';
          const current = landed && reached.revision >= revision;
          const blocked = verdict === 'conflict' || verdict === 'parked' || untold.held.has(effectKey);
          const action = current ? 'none' : blocked ? 'held' : landed ? 'update' : 'create';
          return { name, use, target, key: effectKey, action };
        }),
      });
    }
  }
  return {
    name: definition.name,
    key,
    workflowId,
    counts,
    toRun: counts.new + counts.resume + counts.update,
    jobs: planned,
    warnings: untold.warnings,
  };
}
