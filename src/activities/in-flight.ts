import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Context } from '@temporalio/activity';
import { ActivityNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { z } from 'zod';
import { isGrpcNotFound } from '../client/grpc-not-found.js';
import { tryExclusiveLock, type ProcessLock } from '../engine/index.js';

/** Lines of a file before those of Activities that have ended are dropped. */
const LINES_MAX = 500;

/**
 * Each worker notes the task tokens of the Activities it has in hand. A worker that is killed can't give them back,
 * and the engine would wait out their heartbeat timeout; the next worker on this host sees that the process is gone,
 * and hands them back at once.
 *
 *  IF1. Whether a worker lives is told by a lock that the kernel frees with the process, never by a time.
 *  IF2. A token names one attempt. Giving back one that has ended meanwhile changes nothing.
 *  IF3. Only a hint: nothing is lost when the file is, for then the timeout does its work.
 *
 * The engine also keeps sending a Workflow's next step to the worker that has it in its cache, and waits there for a
 * dead one; so the running Workflows are taken out of those caches first.
 */
export class InFlight {
  private lines = 0;

  private constructor(
    private readonly file: string,
    private readonly lock: ProcessLock,
    private readonly inHand: Set<string>,
    /** Whether a worker of the same name was killed before this one. */
    readonly followsKilled: boolean,
  ) {
    this.compact();
  }

  /** @param folder shared by the workers of one state directory */
  static open(folder: string, name: string): InFlight {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const lock = tryExclusiveLock(join(folder, `${name}.lock`));
    if (!lock) throw new Error(`a worker named ${name} is running already`);
    // In a container each worker has the process id of the one before it, and so its name.
    const file = join(folder, `${name}.jsonl`);
    return new InFlight(file, lock, outstanding(file), existsSync(file));
  }

  readonly interceptor = (ctx: Context): { inbound: ActivityInboundCallsInterceptor } => ({
    inbound: {
      execute: async (input, next) => {
        const token = Buffer.from(ctx.info.taskToken).toString('base64');
        this.inHand.add(token);
        this.note({ begun: token });
        try {
          return await next(input);
        } finally {
          this.ended(token);
        }
      },
    },
  });

  /** Task tokens noted here; of a worker just opened, those that a killed one of its name has left. */
  get tokens(): readonly string[] {
    return [...this.inHand];
  }

  ended(token: string): void {
    this.inHand.delete(token);
    if (this.lines >= LINES_MAX && this.lines > 4 * this.inHand.size) this.compact();
    else this.note({ ended: token });
  }

  /** Forgets everything: call when the worker has stopped in good order. */
  close(): void {
    rmSync(this.file, { force: true });
    this.lock.release();
    rmSync(lockOf(this.file), { force: true });
  }

  // Not synced: the page cache outlives a killed process, and IF3 covers a power cut.
  private note(entry: Note): void {
    this.lines++;
    asHint(() => appendFileSync(this.file, lineOf(entry), { mode: 0o600 }));
  }

  /** In place of what has ended; by renaming, for this process may be killed meanwhile. */
  private compact(): void {
    this.lines = this.inHand.size;
    const text = this.tokens.map((token) => lineOf({ begun: token })).join('');
    asHint(() => {
      writeFileSync(`${this.file}.new`, text, { mode: 0o600 });
      renameSync(`${this.file}.new`, this.file);
    });
  }
}

const lineOf = (entry: Note): string => `${JSON.stringify(entry)}\n`;

/** IF3: an effect that has landed must not fail because this could not be written. */
function asHint(write: () => void): void {
  try {
    write();
  } catch {
    // a full disk makes itself known where something is lost by it
  }
}

const noteSchema = z.union([z.strictObject({ begun: z.string() }), z.strictObject({ ended: z.string() })]);
type Note = z.infer<typeof noteSchema>;

const lockOf = (file: string): string => file.replace(/\.jsonl$/, '.lock');

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
 * Gives back what dead workers of this host had in hand.
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
    const why = error instanceof Error ? error.message : String(error);
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

function outstanding(file: string): Set<string> {
  const tokens = new Set<string>();
  if (!existsSync(file)) return tokens;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const entry = noteSchema.safeParse(parseJson(line));
    if (!entry.success) continue; // the last line of a killed process may be cut
    if ('begun' in entry.data) tokens.add(entry.data.begun);
    else tokens.delete(entry.data.ended);
  }
  return tokens;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
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
