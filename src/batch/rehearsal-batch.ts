import { UsageError } from '../contract/errors.js';
import type { PlacedJob } from '../contract/job.js';
import type { Definition } from '../contract/batch-file.js';
import { canonicalJson } from '../identity/canonical-json.js';
import { sha256Hex } from '../identity/digest.js';
import { fingerprint } from '../identity/fingerprint.js';
import { batchKey, keyOf } from '../identity/keys.js';
import { batchWorkflowId } from '../identity/workflow-ids.js';
import type { Batch } from './read-batch.js';

/** Identity field of a job that is rehearsed; no batch file can name such a field. */
export const DRAFT_FIELD = 'nightshift:draft';

const SUFFIX = '-rehearsal';
const NAME_MAX = 64;

/**
 * The batch whose sessions are run and whose artifacts are kept, and that can do nothing else: its one effect puts
 * files into a folder, and nobody is told anything.
 *
 *  RB1. A job is paid for once as long as agent, checks and its own fields stay what they are: they are part of its key,
 *       so that what is changed is another job, and what is unchanged is the same one.
 *  RB2. No job of it has the key of a real one: neither finds the sessions of the other at an agent service.
 *
 * @param wanted keys of the jobs, at least one
 * @param keptDir absolute folder for the artifacts
 * @throws as `assertHarmless`
 */
export function rehearsalOf(batch: Batch, wanted: ReadonlySet<string>, keptDir: string): Batch {
  assertHarmless(batch);
  const { definition } = batch;
  const { deadMan: _, deadline: __, canary: ___, warnAt: ____, ...quiet } = definition;
  const name = `${definition.name.slice(0, NAME_MAX - SUFFIX.length)}${SUFFIX}`;
  const jobs = batch.jobs.filter(({ key }) => wanted.has(key)).map((job) => draftOf(definition, job));
  const key = batchKey({ name, jobKeys: jobs.map((job) => job.key) });
  return {
    file: batch.file,
    placeOf: batch.placeOf,
    key,
    workflowId: batchWorkflowId({ name, batchKey: key }),
    jobs,
    definition: {
      ...quiet,
      name,
      alerts: [],
      effects: [
        {
          name: 'keep',
          use: 'folder',
          target: keptDir,
          with: { path: keptFile('{{ key }}', definition) },
          onUnknown: 'hold',
        },
      ],
    },
  };
}

/** @throws UsageError where the agent itself acts outside, which nobody can hold back */
export function assertHarmless({ file, definition }: Pick<Batch, 'file' | 'definition'>): void {
  if (!definition.agent.outward) return;
  throw new UsageError(
    `${file}: agent.outward is true: its sessions act on the outside world by themselves, so they can't be rehearsed; ` +
      'nothing was started. Without --with-agent the destinations can be asked',
  );
}

/** The job that stands for this one in a rehearsal. */
export function draftOf(definition: Pick<Definition, 'agent' | 'checks'>, job: PlacedJob): PlacedJob {
  const { agent, checks } = definition;
  const made = { agent, checks, fingerprint: job.fingerprint, revision: job.revision };
  const draft = sha256Hex(canonicalJson(made)).slice(0, 12);
  const identity = { ...job.identity, [DRAFT_FIELD]: draft };
  const { input } = job;
  return {
    ...job,
    identity,
    key: keyOf(Object.values(identity)),
    fingerprint: fingerprint({ identity, input }),
  };
}

/** Whether a job is one of a rehearsal: what its agent hands over goes nowhere. */
export const isDraft = (identity: Readonly<Record<string, string>>): boolean =>
  identity[DRAFT_FIELD] !== undefined;

/** Whether one of two jobs is another draft of the other; false outside rehearsals. */
export function areDraftsOfOne(
  a: Readonly<Record<string, string>>,
  b: Readonly<Record<string, string>>,
): boolean {
  if (!isDraft(a) || !isDraft(b)) return false;
  return canonicalJson({ ...a, [DRAFT_FIELD]: '' }) === canonicalJson({ ...b, [DRAFT_FIELD]: '' });
}

/** Name of a kept artifact: that of the job's key, with the ending that its first effect gives it. */
export function keptFile(key: string, { effects }: Pick<Definition, 'effects'>): string {
  const path = effects[0]?.with['path'];
  const ending = typeof path === 'string' ? /\.[A-Za-z0-9]{1,8}$/.exec(path)?.[0] : undefined;
  return `${key}${ending ?? ''}`;
}
