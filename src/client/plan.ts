import type { Approving } from '../contract/approval.js';
import type { Definition } from '../contract/batch-file.js';
import { judgeJobs, type Judged } from '../batch/judge-jobs.js';
import type { Batch } from '../batch/read-batch.js';
import { jobTitle, type Effect, type PlacedJob } from '../contract/job.js';
import type { PlannedAction } from '../contract/planned-action.js';
import type { EarlierList } from '../contract/result.js';
import { canonicalJson } from '../identity/canonical-json.js';
import { sha256Hex } from '../identity/digest.js';
import type { Verdict } from '../ledger/ledger.js';
import { needsSession, RUNS } from '../policy/verdict.js';
import type { Connections } from './connections.js';
import type { Difference } from './difference.js';
import { earlierLists } from './earlier-lists.js';
import { estimateCost, type CostEstimate } from './estimate-cost.js';
import type { Irreversible } from './facts-of.js';
import { otherOptionsText } from './other-options.js';
import { findUntold, type Untold } from './untold.js';

export interface PlannedEffect {
  readonly name: string;
  readonly use: string;
  readonly target: string;
  readonly key: string;
  readonly action: PlannedAction;
  /** Hash of the effect's options, secrets left out. */
  readonly options: string;
  /** How it waits for a person's yes before it leaves; absent: it does not. */
  readonly approval?: Approving;
  /** A run that is bound by the saved plan does nothing about it. */
  readonly leftOut?: true;
  /** Nothing takes it back once it has landed; `unknown` where the process that looks can't tell. */
  readonly irreversible?: Irreversible;
  /** What it comes to, in the words of its publisher: `12.50 EUR to cus_…`. */
  readonly comesTo?: string;
  readonly why?: string;
  /** Where it is, by the destination. */
  readonly place?: string;
  /** Hash of what is there, by the destination. */
  readonly there?: string;
  readonly difference?: Difference;
}

export interface PlannedJob {
  readonly key: string;
  readonly title: string;
  readonly identity: Readonly<Record<string, string>>;
  readonly revision: number;
  readonly fingerprint: string;
  readonly verdict: Verdict;
  readonly note: string | undefined;
  /** Hash of the artifact that a run would publish; undefined while it has to be made. */
  readonly artifact?: string | undefined;
  readonly effects: readonly PlannedEffect[];
}

export interface Plan {
  readonly name: string;
  readonly key: string;
  readonly workflowId: string;
  readonly counts: Readonly<Record<Verdict, number>>;
  /** Jobs that a run would start. */
  readonly toRun: number;
  /** Those of them that stand still until a person has said yes. */
  readonly waiting: number;
  /** False: from the ledger alone. True: every destination was asked for every effect. */
  readonly looked: boolean;
  readonly jobs: readonly PlannedJob[];
  readonly cost: CostEstimate;
  /** Requests that an adapter tried and was refused: it can't be rehearsed, and the rehearsal has failed. */
  readonly refused: readonly string[];
  /** What nobody can tell, and should be known before a start. */
  readonly warnings: readonly string[];
  /** Runs of the same name, and edition, that were started with another list of jobs: those under way, and the newest. */
  readonly earlier: readonly EarlierList[];
}

/** What a run would do about each job, from the ledger alone. Reads only. */
export async function planBatch(batch: Batch, connections: Connections): Promise<Plan> {
  const { definition, jobs, key, workflowId } = batch;
  const ledger = await connections.ledger();
  const counts: Record<Verdict, number> = {
    new: 0,
    resume: 0,
    adopt: 0,
    update: 0,
    conflict: 0,
    parked: 0,
    held: 0,
    discarded: 0,
  };
  const planned: PlannedJob[] = [];
  const untold = await findUntold(batch, connections);
  const asked = new Set((await ledger.approvals()).map(({ effectKey }) => effectKey));
  let sessions = 0;
  let waiting = 0;
  const listed = jobs.map((job) => ({ job }));
  for await (const judged of judgeJobs(definition, listed, ledger)) {
    const one = planJob(judged, { ...untold, asked });
    counts[one.verdict]++;
    if (RUNS.has(one.verdict) && one.effects.some(({ key: effectKey }) => asked.has(effectKey))) waiting++;
    if (RUNS.has(one.verdict) && one.artifact === undefined) sessions++;
    planned.push(one);
  }
  return {
    name: definition.name,
    key,
    workflowId,
    counts,
    toRun: counts.new + counts.resume + counts.update,
    waiting,
    looked: false,
    jobs: planned,
    cost: await estimateCost(batch, sessions, ledger),
    refused: [],
    warnings: [...untold.warnings, ...sentTooEarly(definition, untold.irreversible)],
    earlier: await earlierLists(batch, connections),
  };
}

function planJob(
  { job, effects, known, verdict, note }: Judged<{ readonly job: PlacedJob }>,
  {
    held,
    edited,
    irreversible,
    asked,
  }: Pick<Untold, 'held' | 'edited' | 'irreversible'> & { readonly asked: ReadonlySet<string> },
): PlannedJob {
  const { fingerprint, revision } = job;
  const question = effects.find((effect) => held.has(effect.key));
  const other = effects.map(({ key }) => edited.get(key)).find((one) => one !== undefined);
  const gate = RUNS.has(verdict) ? effects.find((effect) => asked.has(effect.key)) : undefined;
  return {
    key: job.key,
    title: jobTitle(job.identity),
    identity: job.identity,
    revision,
    fingerprint,
    verdict,
    artifact: needsSession(job, known) ? undefined : known?.artifact?.sha256,
    note:
      note ??
      (question && `${question.name}: ${held.get(question.key) ?? ''}`) ??
      (gate && `${gate.name} waits for approval`) ??
      (verdict === 'parked' || verdict === 'held'
        ? `${known?.errorClass ?? ''}: ${known?.errorMessage ?? ''}`
        : undefined) ??
      (other && otherOptionsText(other)),
    effects: effects.map((effect) => {
      const { name, use, target, key, approval } = effect;
      const reached = known?.effects.get(key);
      const final = irreversible.get(name);
      const landed = reached?.state === 'landed';
      const current = landed && reached.revision >= revision;
      const blocked = !RUNS.has(verdict) || held.has(key);
      const action = current ? 'nothing' : blocked ? 'held' : landed ? 'update' : 'create';
      const options = optionsHash(effect);
      const then = current ? edited.get(key) : undefined;
      const why = then && otherOptionsText(then);
      return {
        ...{ name, use, target, key, action, options },
        ...(approval && { approval }),
        ...(final !== undefined && { irreversible: final }),
        ...(why !== undefined && { why }),
      };
    }),
  };
}

/** Effects leave one after another: when a later one fails, those before it have landed. */
function sentTooEarly(
  { effects }: Pick<Definition, 'effects'>,
  irreversible: Untold['irreversible'],
): readonly string[] {
  const at = effects.findLastIndex(({ name }) => irreversible.get(name) !== true);
  const last = effects[at]?.name ?? '';
  return effects
    .slice(0, Math.max(at, 0))
    .filter(({ name }) => irreversible.get(name) === true)
    .map(
      ({ name }) =>
        `${name} can’t be taken back, and leaves before ${last}, which may still fail; name it last in "effects"`,
    );
}

const optionsHash = (effect: Effect): string => sha256Hex(canonicalJson(effect.with));
