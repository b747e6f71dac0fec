import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asked } from '../activities/ask-publisher.js';
import { previewOfEffect } from '../activities/effect-preview.js';
import { effectRequest } from '../activities/land-effect.js';
import { withNamedOwner } from '../activities/named-owner.js';
import { lookerFor, type Looker } from '../activities/publishers/looker.js';
import type { FoundEffect } from '../activities/publishers/publisher.js';
import { readIfWhole } from '../activities/read-artifact.js';
import { rehearsing } from '../activities/rehearsal/no-writes.js';
import { effectsOf } from '../batch/effects.js';
import { landedBefore, type LandedBefore } from '../batch/landed-before.js';
import type { Batch } from '../batch/read-batch.js';
import { AdapterError } from '../contract/errors.js';
import type { Effect, PlacedJob } from '../contract/job.js';
import type { Receipt } from '../contract/receipt.js';
import type { KnownJob } from '../ledger/ledger.js';
import { plannedAction } from '../policy/planned-action.js';
import { RUNS } from '../policy/verdict.js';
import type { Connections } from './connections.js';
import { differenceTo } from './difference.js';
import { eachAtOnce } from './each-at-once.js';
import { estimateCost } from './estimate-cost.js';
import { lookContext } from './look-context.js';
import { planBatch, type Plan, type PlannedEffect, type PlannedJob } from './plan.js';
import { findUntold } from './untold.js';
import { unwatchedIn } from './unwatched.js';

export interface RehearseOptions {
  readonly signal?: AbortSignal;
  readonly onJob?: (jobs: number) => void;
}

/** What a session made in a rehearsal; a run would pay for one of its own. */
export interface Draft {
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** Look-ups at once: enough to hide their latency, few enough for any destination. */
const AT_ONCE = 8;

/**
 * A plan for which every destination was asked for every effect. Publishers can only look: whatever else one of them
 * tries is refused, and told in `refused`. Writes nothing; what adapters keep on this host while they look goes into
 * a folder of its own, which is taken away again.
 */
export async function rehearseBatch(
  batch: Batch,
  connections: Connections,
  {
    signal,
    onJob = () => undefined,
    drafts = new Map(),
  }: RehearseOptions & { readonly drafts?: ReadonlyMap<string, Draft> } = {},
): Promise<Plan> {
  const plan = await planBatch(batch, connections);
  const { held } = await findUntold(batch, connections);
  const ledger = await connections.ledger();
  const byKey = new Map(batch.jobs.map((job) => [job.key, job]));
  const { work } = batch.definition;
  const known = await ledger.jobs(work, [...byKey.keys()]);
  const stateDir = await mkdtemp(join(tmpdir(), 'nightshift-rehearsal-'));
  const refused = new Set<string>();
  const jobs: PlannedJob[] = [...plan.jobs];
  let done = 0;
  try {
    await eachAtOnce([...plan.jobs.entries()], AT_ONCE, async ([at, planned]) => {
      signal?.throwIfAborted();
      const job = byKey.get(planned.key);
      if (job) jobs[at] = await rehearseJob(planned, job);
      onJob(++done);
    });
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
  const sessions = jobs.filter(wouldPay).length;
  return {
    ...plan,
    looked: true,
    jobs,
    cost: await estimateCost(batch, sessions, ledger),
    refused: [...refused],
    warnings: [...plan.warnings, ...unwatchedIn(batch.definition, false)],
  };

  async function rehearseJob(planned: PlannedJob, job: PlacedJob): Promise<PlannedJob> {
    const receipts = await receiptsOf(known.get(job.key), planned.key);
    const { artifact: sha256 } = planned;
    const stored = sha256 === undefined ? undefined : await readIfWhole(connections.artifacts, sha256);
    const artifact = stored && sha256 !== undefined ? { sha256, bytes: stored } : drafts.get(planned.key);
    const isMade = stored !== undefined;
    const effects: PlannedEffect[] = [];
    for (const [index, effect] of effectsOf(batch.definition, job).entries()) {
      const before = planned.effects[index];
      if (!before) continue;
      const { says } = await previewOfEffect(effect, batch.definition);
      const told = { ...before, ...(says[0] !== undefined && { comesTo: says[0] }) };
      effects.push(await rehearseEffect({ planned, job, effect, receipts, artifact, isMade, before: told }));
    }
    return { ...planned, artifact: stored && sha256, effects };
  }

  async function rehearseEffect(given: {
    readonly planned: PlannedJob;
    readonly job: PlacedJob;
    readonly effect: Effect;
    readonly before: PlannedEffect;
    readonly receipts: readonly Receipt[];
    readonly artifact: Draft | undefined;
    readonly isMade: boolean;
  }): Promise<PlannedEffect> {
    const { planned, job, effect, before, receipts, artifact, isMade } = given;
    const landed = landedBefore(receipts, effect, { work, jobKey: job.key });
    const looked = await rehearsing(() => lookFor(job, effect, landed, artifact?.bytes));
    for (const what of looked.refused) refused.add(`${effect.name} (${effect.use}): ${what}`);
    if (looked.refused.length > 0)
      return { ...before, action: 'unknown', why: `refused: ${looked.refused.join('; ')}` };
    if (looked.value === undefined) {
      const { error } = looked;
      if (!(error instanceof AdapterError)) throw error;
      return { ...before, action: 'unknown', why: `${error.errorClass}: ${error.message}` };
    }
    const { found, looker } = looked.value;
    const wanted = {
      revision: job.revision,
      fingerprint: job.fingerprint,
      sha256: artifact?.sha256,
      isMade,
    };
    const { action, why } = plannedAction(wanted, {
      receipt: landed.receipt,
      undone: landed.takenBack,
      held: RUNS.has(planned.verdict) || planned.verdict === 'adopt' ? held.get(effect.key) : planned.note,
      found,
      canUpdate: looker.canUpdate,
    });
    const placed = found?.kind === 'ours' ? found.placed : undefined;
    const difference =
      artifact && (action === 'create' || action === 'update')
        ? await differenceTo(placed?.sha256, artifact, connections.artifacts)
        : undefined;
    const { why: known, ...same } = before;
    const note = why ?? (action === 'nothing' ? known : undefined);
    return {
      ...same,
      action,
      ...(note !== undefined && { why: note }),
      ...(placed && { place: placed.url ?? placed.id, there: placed.sha256 }),
      ...(difference && { difference }),
    };
  }

  async function lookFor(
    job: PlacedJob,
    effect: Effect,
    landed: LandedBefore,
    artifact: Uint8Array | undefined,
  ): Promise<{ readonly looker: Looker; readonly found: FoundEffect | undefined }> {
    const { env } = connections.config;
    const looker = await lookerFor(effect, batch.definition.baseDir, { env, stateDir }, artifact);
    const { lookup } = looker;
    if (!lookup) return { looker, found: undefined };
    const state = known.get(job.key)?.effects.get(effect.key)?.state;
    const request = {
      ...effectRequest(batch.definition, job, effect),
      ...landed,
      sentBefore: state !== undefined && state !== 'pending',
    };
    const found = await asked(looker, 'lookup', () => lookup(request, lookContext(signal)));
    return { looker, found: await withNamedOwner(found, ledger) };
  }

  /** Most jobs have none, and cost no query. */
  async function receiptsOf(job: KnownJob | undefined, jobKey: string): Promise<readonly Receipt[]> {
    return !job || job.effects.size === 0 ? [] : ledger.receipts({ work, jobKey });
  }
}

/** An agent is paid only where something of its job is to be sent, and nothing is in the way at its destinations. */
export function wouldPay({ verdict, artifact, effects }: PlannedJob): boolean {
  if (!RUNS.has(verdict) || artifact !== undefined) return false;
  const actions = new Set(effects.map(({ action }) => action));
  const open = (['create', 'update', 'held', 'unknown'] as const).some((action) => actions.has(action));
  return open && !actions.has('conflict');
}
