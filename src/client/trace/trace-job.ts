import { withLastOutput } from '../../artifacts/last-output.js';
import { UsageError } from '../../contract/errors.js';
import { jobTitle } from '../../contract/job.js';
import { discardedText } from '../../contract/discarded-text.js';
import type { ShownJobState } from '../../contract/states.js';
import { jobWorkflowId } from '../../identity/workflow-ids.js';
import type { JobStory, NamedJob, StoryBatch, StoryEffect } from '../../ledger/story.js';
import type { Connections } from '../connections.js';
import type { TraceEvent } from './event.js';
import { ledgerEvents, spendText } from './ledger-events.js';
import { readHistories, type Histories } from './read-histories.js';

/** Which job is meant: its key or the first characters of it, its title, or fields of its identity. */
export interface JobQuery {
  readonly key?: string;
  /** All of these fields must be equal; fields that are left out may be anything. */
  readonly identity?: Readonly<Record<string, string>>;
  /** As views show it: `blog / news / bread`. */
  readonly title?: string;
  readonly work?: string;
}

/** Everything one job did, over all batches and runs. */
export interface JobTrace {
  readonly work: string;
  readonly key: string;
  readonly workflowId: string;
  readonly identity: Readonly<Record<string, string>>;
  readonly state: ShownJobState;
  readonly revision: number | undefined;
  /** Why it does not go on, where it does not. */
  readonly trouble: string | undefined;
  /** The file that a stopped job's newest artifact is kept in, whether it passed or not. */
  readonly lastOutput?: string;
  /** Sessions and money, for people; the events have it one by one. */
  readonly spend: string;
  readonly batches: readonly StoryBatch[];
  readonly effects: readonly StoryEffect[];
  readonly histories: Histories;
  /** Oldest first. */
  readonly events: readonly TraceEvent[];
}

/**
 * Rebuilds the story of one job from the ledger, and from the engine's histories where there still are any. Changes
 * and starts nothing.
 * @throws UsageError when no job, or more than one, fits
 */
export async function traceJob(query: JobQuery, connections: Connections): Promise<JobTrace> {
  const ledger = await connections.ledger();
  const job = theOne(await matching(query, connections), query);
  const found = await ledger.story(job);
  if (!found) throw new UsageError(`the ledger has lost job ${job.jobKey}`);
  const story = withLastOutput(connections.config.stateDir)(found);
  const { work, jobKey, identity, state, revision, discarded, batches, effects } = story;
  const workflowId = jobWorkflowId({ work, jobKey });
  const runIds = new Set(story.tries.map(({ runId }) => runId));
  const { events, histories } = await readHistories(workflowId, [...runIds], connections);
  return {
    work,
    key: jobKey,
    workflowId,
    identity,
    state,
    revision,
    trouble: discarded ? discardedText(discarded) : troubleOf(story),
    ...(story.lastOutput !== undefined && { lastOutput: story.lastOutput }),
    spend: spendText(story),
    batches,
    effects,
    histories,
    // Stable: what was written in one moment stays in the order of its writing.
    events: [...ledgerEvents(story), ...events].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)),
  };
}

function troubleOf({ errorClass, errorMessage, batches }: JobStory): string | undefined {
  if (errorClass !== undefined) return `${errorClass}: ${errorMessage ?? ''}`;
  return batches.find(({ verdict }) => verdict === 'conflict')?.note;
}

async function matching(
  { key, identity, title, work }: JobQuery,
  connections: Connections,
): Promise<readonly NamedJob[]> {
  const ledger = await connections.ledger();
  const named = await ledger.namedJobs(key === undefined ? {} : { keyPrefix: key });
  const wanted = Object.entries(identity ?? {});
  return named.filter(
    (job) =>
      (work === undefined || job.work === work) &&
      (title === undefined || jobTitle(job.identity) === title) &&
      wanted.every(([name, value]) => job.identity[name] === value),
  );
}

const SHOWN = 10;

function theOne(jobs: readonly NamedJob[], { key, identity, title }: JobQuery): NamedJob {
  const fields = Object.entries(identity ?? {}).map(([name, value]) => `${name}=${value}`);
  const asked =
    key === undefined ? (title === undefined ? fields.join(' ') : `"${title}"`) : `the key ${key}…`;
  const [job, another] = jobs;
  if (!job)
    throw new UsageError(
      `no job fits ${asked}; say the beginning of its key, WORK:KEY, its title, or NAME=VALUE, as "nightshift status" shows them; and the state directory must be that of the run`,
    );
  if (!another) return job;
  const list = jobs
    .slice(0, SHOWN)
    .map(({ work, jobKey, identity: own }) => `  ${work}:${jobKey}  ${jobTitle(own)}`);
  const more = jobs.length > SHOWN ? [`  and ${jobs.length - SHOWN} more`] : [];
  throw new UsageError([`${jobs.length} jobs fit ${asked}; name one:`, ...list, ...more].join('\n'));
}
