import type { Approving } from '../contract/approval.js';
import type { PlanFile, PlanFileEffect, PlanFileJob } from '../contract/plan-file.js';
import type { PlannedAction } from '../contract/planned-action.js';

/** A plan as it would be made now; the part of it that is compared. */
export interface PresentPlan {
  readonly name: string;
  readonly key: string;
  readonly agent: string;
  readonly jobs: readonly PresentJob[];
}

export interface PresentJob extends Pick<PlanFileJob, 'key' | 'title' | 'revision' | 'fingerprint'> {
  readonly verdict: string;
  readonly artifact?: string | undefined;
  readonly effects: readonly (Pick<PlanFileEffect, 'name' | 'key' | 'use' | 'options' | 'action'> & {
    readonly approval?: Approving | null | undefined;
    readonly there?: string | undefined;
    readonly why?: string | undefined;
  })[];
}

/**
 * What is different from a plan, for people. What the plan itself has brought about since is no difference: it may be
 * run again until all of it is done.
 */
export function planChanges(plan: PlanFile, now: PresentPlan): string[] {
  const changes: string[] = [];
  if (now.name !== plan.batch.name)
    return [`it is a plan of the batch ${plan.batch.name}, not of ${now.name}`];
  if (now.agent !== plan.agent) changes.push('the agent or the checks of the batch file were changed');
  const present = new Map(now.jobs.map((job) => [job.key, job]));
  for (const job of plan.jobs) {
    const found = present.get(job.key);
    present.delete(job.key);
    changes.push(...(found ? jobChanges(job, found) : [`${job.title} is not in the batch any more`]));
  }
  for (const { title } of present.values()) changes.push(`${title} is new in the batch`);
  return changes;
}

function jobChanges(job: PlanFileJob, now: PresentJob): string[] {
  const changes: string[] = [];
  const { title } = job;
  if (now.revision !== job.revision)
    changes.push(`${title}: revision ${job.revision} became ${now.revision}`);
  else if (now.fingerprint !== job.fingerprint) changes.push(`${title}: its fields were changed`);
  if (job.artifact !== undefined && now.artifact !== job.artifact)
    changes.push(`${title}: its artifact is another, or gone`);
  const present = new Map(now.effects.map((effect) => [effect.key, effect]));
  for (const effect of job.effects) {
    const found = present.get(effect.key);
    present.delete(effect.key);
    if (found === undefined) changes.push(`${title}: ${effect.name} to ${effect.target} is gone`);
    else if (effect.approved) changes.push(...effectChanges(title, effect, found, now.verdict));
  }
  for (const { name } of present.values()) changes.push(`${title}: ${name} is new, or has another target`);
  return changes;
}

function effectChanges(
  title: string,
  effect: PlanFileEffect,
  now: PresentJob['effects'][number],
  verdict: string,
): string[] {
  const where = `${title}: ${effect.name}`;
  // Its key has no publisher in it: the same effect may be sent another way.
  if (now.use !== effect.use) return [`${where}: by the plan ${effect.use} sends it, now ${now.use} would`];
  if (now.options !== effect.options) return [`${where}: its options were changed`];
  const gate = gateChange(effect.approval, now.approval ?? null);
  if (gate !== undefined) return [`${where}: ${gate}`];
  if (now.action !== effect.action) {
    if (isDone(effect.action, now.action) || LEFT_ALONE.has(verdict)) return [];
    const why = now.why === undefined ? '' : ` (${now.why})`;
    return [`${where}: the plan says ${effect.action}, now it would be ${now.action}${why}`];
  }
  return effect.action === 'update' && now.there !== effect.there
    ? [`${where}: what is at ${effect.place ?? effect.target} was changed since`]
    : [];
}

/** What binds is whether somebody is asked, how long, and what silence means. */
function gateChange(planned: Approving | null, now: Approving | null): string | undefined {
  if (planned === null && now === null) return undefined;
  if (now === null) return 'by the plan it waits for approval, now it would leave without asking anybody';
  if (planned === null) return 'by the plan it leaves without asking anybody, now it would wait for approval';
  if (now.timeoutMs !== planned.timeoutMs) return 'how long it waits for approval was changed';
  if (now.timeoutMs !== undefined && now.onTimeout !== planned.onTimeout)
    return `when nobody approves it in time, the plan says ${planned.onTimeout}, now it would be ${now.onTimeout}`;
  return undefined;
}

/** A run does nothing about them. */
const LEFT_ALONE: ReadonlySet<string> = new Set(['parked', 'held', 'discarded']);

/** Somebody, most likely this very plan, has done it meanwhile. */
const isDone = (planned: PlannedAction, now: PlannedAction): boolean =>
  (planned === 'create' || planned === 'update' || planned === 'adopt' || planned === 'nothing') &&
  (now === 'nothing' || now === 'adopt');
