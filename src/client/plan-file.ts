import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Batch } from '../batch/read-batch.js';
import type { Definition } from '../contract/batch-file.js';
import { UsageError } from '../contract/errors.js';
import type { Permit } from '../contract/permit.js';
import {
  PLAN_VERSION,
  PlanChanged,
  planFileSchema,
  type PlanFile,
  type PlanFileEffect,
  type PlanFileJob,
} from '../contract/plan-file.js';
import { fileErrorWords } from '../file-errors.js';
import { canonicalJson } from '../identity/canonical-json.js';
import { sha256Hex } from '../identity/digest.js';
import { planChanges } from '../policy/plan-changes.js';
import { RUNS } from '../policy/verdict.js';
import { costOf } from './estimate-cost.js';
import type { Plan } from './plan.js';
import { wouldPay } from './rehearse.js';

/**
 * A plan as it is saved.
 * @param without jobs and effects that are left out: `JOB` or `JOB:EFFECT`, a job by its key, the beginning of it, or
 *   its identity (`site/category/slug`)
 * @throws UsageError when one of them names nothing
 */
export function planFileOf(
  plan: Plan,
  { definition }: Pick<Batch, 'definition'>,
  without: readonly string[] = [],
): PlanFile {
  const { name, work } = definition;
  const { cost, jobs, key: batchKey, looked } = leaveOut(plan, without);
  const file = {
    kind: 'nightshift-plan' as const,
    v: PLAN_VERSION,
    plannedAt: new Date().toISOString(),
    batch: { name, work, key: batchKey },
    looked,
    agent: agentHash(definition),
    ...('total' in cost && { estimate: { total: cost.total, currency: cost.currency } }),
    jobs: jobs.map(({ key, title, revision, fingerprint, artifact, effects }): PlanFileJob => ({
      key,
      title,
      revision,
      fingerprint,
      ...(artifact !== undefined && { artifact }),
      effects: effects.map(
        ({ name: effect, key: effectKey, use, target, options, action, approval, leftOut, ...more }) =>
          ({
            name: effect,
            key: effectKey,
            use,
            target,
            options,
            action,
            approved: !leftOut,
            approval: approval ?? null,
            ...(more.comesTo !== undefined && { comesTo: more.comesTo }),
            ...(more.why !== undefined && { why: more.why }),
            ...(more.place !== undefined && { place: more.place }),
            ...(more.there !== undefined && { there: more.there }),
          }) satisfies PlanFileEffect,
      ),
    })),
  };
  return { ...file, checksum: checksumOf(file) };
}

/** Never writes over a file that is there. @throws UsageError */
export async function writePlanFile(path: string, file: PlanFile): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(file, undefined, 2)}\n`, { flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new UsageError(`${path} is there already; give the plan another name`);
    throw error;
  }
}

/** @throws UsageError when it can't be read, is no plan, or was changed in more than what it approves */
export async function readPlanFile(path: string): Promise<PlanFile> {
  const refuse = (why: string) =>
    new UsageError(`${path} ${why}; make a plan with: nightshift plan FILE --out ${path}`);
  let document: unknown;
  try {
    document = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const why = fileErrorWords(error) ?? (error as Error).message;
    throw refuse(error instanceof SyntaxError ? 'is no JSON' : `can’t be read: ${why}`);
  }
  if (isOfVersion1(document))
    throw refuse('was made by an older release, and does not say which effects wait for approval');
  const parsed = planFileSchema.safeParse(document);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(`is no plan of this release: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
  }
  if (checksumOf(parsed.data) !== parsed.data.checksum)
    throw refuse('was changed since it was made; "approved" is the only field to edit');
  return parsed.data;
}

const isOfVersion1 = (document: unknown): boolean =>
  z.object({ kind: planFileSchema.shape.kind, v: z.literal(1) }).safeParse(document).success;

/**
 * The batch, bound by a plan: its run can do what the plan shows and approves, and nothing else.
 * @param now the plan as it would be made now, made in the same way
 * @throws PlanChanged when the world is not as the plan shows it
 */
export function boundBy(file: PlanFile, now: Plan, batch: Batch): Batch {
  const changes = planChanges(file, { ...now, agent: agentHash(batch.definition) });
  if (now.refused.length > 0) changes.push(...now.refused.map((what) => `it can’t be looked at: ${what}`));
  if (changes.length > 0) throw new PlanChanged(changes);
  return { ...batch, permit: permitOf(file) };
}

function permitOf({ plannedAt, jobs }: PlanFile): Permit {
  const effects: Record<string, Permit['effects'][string]> = {};
  for (const { artifact, effects: planned } of jobs) {
    for (const { key, action, approved } of planned) {
      if (approved) effects[key] = { action, ...(artifact !== undefined && { artifact }) };
    }
  }
  return { v: 1, plannedAt, effects };
}

/** Not the folder of the batch file, which differs from host to host. */
const agentHash = ({ agent, checks }: Definition): string => sha256Hex(canonicalJson({ agent, checks }));

function checksumOf(file: Omit<PlanFile, 'checksum'>): string {
  const jobs = file.jobs.map((job) => ({
    ...job,
    effects: job.effects.map((effect) => ({ ...effect, approved: undefined })),
  }));
  return sha256Hex(canonicalJson({ ...file, jobs, checksum: undefined }));
}

/**
 * The plan as it is when these are left out: jobs of which nothing is left are not run, and cost nothing.
 * @throws UsageError when one of them names nothing
 */
export function leaveOut(plan: Plan, without: readonly string[]): Plan {
  if (without.length === 0) return plan;
  const out = leftOut(plan, without);
  const jobs = plan.jobs.map((job) => ({
    ...job,
    effects: job.effects.map((effect) =>
      out.has(effect.key) ? { ...effect, leftOut: true as const } : effect,
    ),
  }));
  const dropped = jobs.filter(({ effects }) => effects.every((effect) => effect.leftOut));
  const unpaid = dropped.filter(wouldPay).length;
  return {
    ...plan,
    jobs,
    toRun: plan.toRun - dropped.filter(({ verdict }) => RUNS.has(verdict)).length,
    cost: costOf(plan.cost, plan.cost.sessions - unpaid),
  };
}

/** Keys of effects. What has landed can't be left out any more, and is passed over. */
function leftOut({ jobs }: Plan, without: readonly string[]): ReadonlySet<string> {
  const out = new Set<string>();
  for (const words of without) {
    const [whole, effectName] = matches(jobs, words).length > 0 ? [words, undefined] : splitAtLast(words);
    const named = matches(jobs, whole);
    const effects = named
      .flatMap((job) => job.effects)
      .filter(({ name }) => effectName === undefined || name === effectName);
    if (effects.length === 0)
      throw new UsageError(
        `--without ${words} names no effect of this batch; give JOB or JOB:EFFECT, such as ${jobs[0]?.key ?? ''}:${jobs[0]?.effects[0]?.name ?? ''}`,
      );
    for (const { key, action } of effects) if (action !== 'nothing') out.add(key);
  }
  return out;
}

const KEY_PART_MIN = 6;

const matches = (jobs: Plan['jobs'], words: string) =>
  jobs.filter(
    ({ key, title, identity }) =>
      title === words ||
      Object.values(identity).join('/') === words ||
      (words.length >= KEY_PART_MIN && key.startsWith(words)),
  );

function splitAtLast(words: string): readonly [string, string | undefined] {
  const at = words.lastIndexOf(':');
  return at < 0 ? [words, undefined] : [words.slice(0, at), words.slice(at + 1)];
}
