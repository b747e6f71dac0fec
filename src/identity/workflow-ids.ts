/**
 * Workflow IDs, made and parsed in one place. Each pair round-trips, and an ID that can't be parsed can't be
 * made. Longest: `batch:` + 64 + `:` + 32 + `:shard:` + 10 digits = 120 bytes of the server's 255.
 */

const NAME = '[a-z0-9][a-z0-9-]{0,63}'; // as contract/batch-file.ts; a test holds the two together
const KEY = '[0-9a-f]{32}';
const SHARD = '0|[1-9][0-9]{0,9}';

const BATCH_ID = new RegExp(`^batch:(${NAME}):(${KEY})$`);
const SHARD_ID = new RegExp(`^batch:(${NAME}):(${KEY}):shard:(${SHARD})$`);
const JOB_ID = new RegExp(`^job:(${NAME}):(${KEY})$`);

/** What a batch's Workflow ID says. */
export interface BatchId {
  readonly name: string;
  readonly batchKey: string;
}

/** What a shard's Workflow ID says; shards count from 0. */
export interface ShardId extends BatchId {
  readonly shard: number;
}

/** What a job's Workflow ID says: no batch in it, so every batch that holds the job meets the same Workflow. */
export interface JobId {
  readonly work: string;
  readonly jobKey: string;
}

/** @throws RangeError when name or key are no such thing */
export const batchWorkflowId = ({ name, batchKey }: BatchId): string =>
  matching(BATCH_ID, `batch:${name}:${batchKey}`);

/** The parts of a batch's Workflow ID, or undefined for any other text (a shard's ID too). */
export function parseBatchWorkflowId(id: string): BatchId | undefined {
  const [, name, batchKey] = BATCH_ID.exec(id) ?? [];
  return name === undefined || batchKey === undefined ? undefined : { name, batchKey };
}

/** @throws RangeError when name, key or number are no such thing */
export const shardWorkflowId = ({ name, batchKey, shard }: ShardId): string =>
  matching(SHARD_ID, `batch:${name}:${batchKey}:shard:${shard}`);

/** The parts of a shard's Workflow ID, or undefined for any other text. */
export function parseShardWorkflowId(id: string): ShardId | undefined {
  const [, name, batchKey, shard] = SHARD_ID.exec(id) ?? [];
  if (name === undefined || batchKey === undefined || shard === undefined) return undefined;
  return { name, batchKey, shard: Number(shard) };
}

/** Name of the batch that a Workflow is, or is a shard of; undefined for any other ID. */
export const batchNameOf = (id: string): string | undefined =>
  (parseBatchWorkflowId(id) ?? parseShardWorkflowId(id))?.name;

/** @throws RangeError when work or key are no such thing */
export const jobWorkflowId = ({ work, jobKey }: JobId): string => matching(JOB_ID, `job:${work}:${jobKey}`);

/** Of the Workflow that takes effects of a job back. @throws RangeError when work or key are no such thing */
export const unpublishWorkflowId = (of: JobId): string => `unpublish:${jobWorkflowId(of)}`;

/** The parts of a job's Workflow ID, or undefined for any other text. */
export function parseJobWorkflowId(id: string): JobId | undefined {
  const [, work, jobKey] = JOB_ID.exec(id) ?? [];
  return work === undefined || jobKey === undefined ? undefined : { work, jobKey };
}

function matching(pattern: RegExp, id: string): string {
  if (!pattern.test(id)) throw new RangeError(`"${id}" is no Workflow ID of nightshift`);
  return id;
}
