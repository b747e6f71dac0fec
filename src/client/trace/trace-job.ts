import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withLastOutput } from '../../artifacts/last-output.js';
import { UsageError } from '../../contract/errors.js';
import { jobTitle } from '../../contract/job.js';
import { discardedText } from '../../contract/discarded-text.js';
import type { ShownJobState } from '../../contract/states.js';
import { traceIdOf } from '../../identity/trace-ids.js';
import { jobWorkflowId, parseJobWorkflowId } from '../../identity/workflow-ids.js';
import { jobSubject } from '../../ledger/job-state.js';
import type { JobStory, NamedJob, StoryBatch, StoryEffect } from '../../ledger/story.js';
import type { Connections } from '../connections.js';
import type { TraceEvent } from './event.js';
import { ledgerEvents, spendText } from './ledger-events.js';
import { readHistories, type Histories } from './read-histories.js';

/** Which job is meant; what is left out may be anything. */
export interface JobQuery {
  /** Its key, or the first characters of it. */
  readonly key?: string;
  /** All of these fields must be equal; fields that are left out may be anything. */
  readonly identity?: Readonly<Record<string, string>>;
  /** As views show it: `blog / news / bread`. */
  readonly title?: string;
  readonly work?: string;
  /**
   * Whatever somebody has at hand: the beginning of its key, `WORK:KEY`, its title or Workflow ID; URL or id of what it
   * has landed, key of an effect, id of a session at its service; ID of its batch. The first that any job fits is meant;
   * of fewer than eight characters that may begin a key, all that fit.
   */
  readonly text?: string;
}

/** A batch of the job, and the id of the trace that its spans are in, where they are sent. */
export interface TracedBatch extends StoryBatch {
  readonly traceId: string;
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
  readonly batches: readonly TracedBatch[];
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
    batches: batches.map((batch) => ({ ...batch, traceId: traceIdOf(batch.id) })),
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
  { text, ...query }: JobQuery,
  connections: Connections,
): Promise<readonly NamedJob[]> {
  if (text === undefined) return named(query, connections);
  const all = new Map<string, NamedJob>();
  for (const find of [
    ...meanings(text).map((meant) => () => named({ ...query, ...meant }, connections)),
    () => ofThing(text, query, connections),
  ]) {
    for (const job of await find()) all.set(jobSubject(job), job);
    if (all.size > 0 && !MAY_BE_ANY.test(text)) break;
  }
  return [...all.values()];
}

/** So few characters begin some key by chance: they are as likely the id of a post. */
const MAY_BE_ANY = /^[0-9a-f]{1,7}$/;

async function ofThing(
  text: string,
  query: JobQuery,
  connections: Connections,
): Promise<readonly NamedJob[]> {
  const ledger = await connections.ledger();
  const things = isAbsolute(text) ? [text, pathToFileURL(text).href] : [text];
  const ids = (await Promise.all(things.map((thing) => ledger.jobsOf(thing)))).flat().map(jobSubject);
  return (await named(query, connections)).filter((job) => ids.includes(jobSubject(job)));
}

/** A key, or a work and a key: jobs of several kinds of work may have one identity, and so one key. */
const WORK_AND_KEY = /^(?:([^:]+):)?([0-9a-f]{1,32})$/;

/** What a text may say of a job by itself, likeliest first. */
function meanings(text: string): JobQuery[] {
  const ofWorkflow = parseJobWorkflowId(text);
  const [, work, key] = WORK_AND_KEY.exec(text) ?? [];
  return [
    ...(ofWorkflow ? [{ work: ofWorkflow.work, key: ofWorkflow.jobKey }] : []),
    ...(key === undefined ? [] : [{ key, ...(work !== undefined && { work }) }]),
    { title: text },
  ];
}

async function named(
  { key, identity, title, work }: JobQuery,
  connections: Connections,
): Promise<readonly NamedJob[]> {
  const ledger = await connections.ledger();
  const jobs = await ledger.namedJobs(key === undefined ? {} : { keyPrefix: key });
  const wanted = Object.entries(identity ?? {});
  return jobs.filter(
    (job) =>
      (work === undefined || job.work === work) &&
      (title === undefined || jobTitle(job.identity) === title) &&
      wanted.every(([name, value]) => job.identity[name] === value),
  );
}

const SHOWN = 10;

function askedFor({ text, key, identity = {}, title }: JobQuery): string {
  if (text !== undefined) return `"${text}"`;
  if (key !== undefined) return `the key ${key}…`;
  if (title !== undefined) return `"${title}"`;
  return Object.entries(identity)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

function theOne(jobs: readonly NamedJob[], query: JobQuery): NamedJob {
  const asked = askedFor(query);
  const [job, another] = jobs;
  if (!job)
    throw new UsageError(
      `no job fits ${asked}; say the beginning of its key, WORK:KEY, its title, or NAME=VALUE, as "nightshift status" shows them, the URL or id of what it landed, or the id of a session; and the state directory must be that of the run`,
    );
  if (!another) return job;
  const list = jobs.slice(0, SHOWN).map((each) => `  ${jobSubject(each)}  ${jobTitle(each.identity)}`);
  const more = jobs.length > SHOWN ? [`  and ${jobs.length - SHOWN} more`] : [];
  throw new UsageError([`${jobs.length} jobs fit ${asked}; name one:`, ...list, ...more].join('\n'));
}
