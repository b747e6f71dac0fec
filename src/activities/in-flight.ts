import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { tryExclusiveLock, type ProcessLock } from '../engine/index.js';
import { lineOf, lockOf, outstanding, type Note } from './in-flight-file.js';

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

/** IF3: an effect that has landed must not fail because this could not be written. */
function asHint(write: () => void): void {
  try {
    write();
  } catch {
    // a full disk makes itself known where something is lost by it
  }
}
