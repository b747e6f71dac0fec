import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ActivityNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { isGrpcNotFound } from '../client/grpc-not-found.js';
import { messageOf } from '../contract/thrown.js';
import { tryExclusiveLock } from '../engine/index.js';
import { lockOf, outstanding } from './in-flight-file.js';
import type { InFlight } from './in-flight.js';

interface Dead {
  /** Of the worker that starts. */
  readonly own: InFlight;
  /** Shared by the workers of one state directory. */
  readonly folder: string;
  readonly client: Client;
  readonly taskQueue: string;
  /** Told what went wrong; nothing of it keeps a worker from its start (IF3). */
  readonly warn: (what: string) => void;
}

/**
 * Gives back what dead workers of this host had in hand; IF1 to IF3 are those of `InFlight`.
 * @returns number of Activities that go on at once because of it
 */
export async function releaseDeadWorkers({ own, folder, client, taskQueue, warn }: Dead): Promise<number> {
  let released = 0;
  let forgotten = false;
  if (own.followsKilled) {
    await release(own.tokens);
    for (const token of own.tokens) own.ended(token);
  }
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.jsonl')) : [];
  for (const name of files) {
    const file = join(folder, name);
    const lock = tryExclusiveLock(lockOf(file)); // IF1
    if (!lock) continue;
    try {
      await release([...outstanding(file)]);
      rmSync(file, { force: true });
    } finally {
      lock.release();
      rmSync(lockOf(file), { force: true });
    }
  }
  return released;

  async function release(tokens: readonly string[]): Promise<void> {
    if (!forgotten) await forgetCaches(client, taskQueue).catch(failed);
    forgotten = true;
    for (const token of tokens) if (await giveBack(client, token).catch(failed)) released++;
  }

  function failed(error: unknown): false {
    const why = messageOf(error);
    warn(`what killed workers had in hand goes on when its heartbeat is missed: ${why}`);
    return false;
  }
}

async function forgetCaches(client: Client, taskQueue: string): Promise<void> {
  const query = `TaskQueue = '${taskQueue}' AND ExecutionStatus = 'Running'`;
  const { namespace } = client.options;
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    try {
      await client.workflowService.resetStickyTaskQueue({ namespace, execution: { workflowId, runId } });
    } catch (error) {
      if (!isGrpcNotFound(error)) throw error; // it has ended since it was listed
    }
  }
}

async function giveBack(client: Client, token: string): Promise<boolean> {
  try {
    await client.activity.fail(
      Buffer.from(token, 'base64'),
      ApplicationFailure.create({ type: 'WorkerDied', message: 'its worker was killed', nextRetryDelay: 1 }),
    );
    return true;
  } catch (error) {
    if (error instanceof ActivityNotFoundError) return false; // IF2
    throw error;
  }
}
