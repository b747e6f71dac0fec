import { CompiledQuery } from 'kysely';
import type { Db } from './store.js';

type Body<T> = (db: Db) => Promise<T>;

/** How long a group takes in further writes, in milliseconds: meanwhile other processes wait for the file. */
const GROUP_MS = 10;

interface Write {
  /** Runs its body within a transaction of others. @returns what tells its caller, once that is committed */
  within(db: Db): Promise<() => void>;
  failed(error: unknown): void;
}

/**
 * Group commit: writes that were asked for at the same time become durable together. What a commit costs is the wait for
 * the disk, in which the event loop stands still, and it is the same for one write as for fifty. Each is in a savepoint
 * of its own, so that one that fails changes nothing for the others; nobody is answered before the commit.
 */
export class GroupCommit {
  readonly #transaction: <T>(body: Body<T>) => Promise<T>;
  #waiting: Write[] = [];
  #isAtWork = false;

  /** @param transaction runs a body once, and resolves when it is durable */
  constructor(transaction: <T>(body: Body<T>) => Promise<T>) {
    this.#transaction = transaction;
  }

  /** The body may run more than once; it was done once when the promise resolves. */
  write<T>(body: Body<T>): Promise<T> {
    const answer = new Promise<() => T>((resolve, failed) => {
      const within = async (db: Db): Promise<() => void> => {
        await db.executeQuery(SAVEPOINT);
        try {
          const result = await body(db);
          await db.executeQuery(RELEASE);
          return () => resolve(() => result);
        } catch (error) {
          await undo(db, error);
          return () =>
            resolve(() => {
              throw error;
            });
        }
      };
      this.#waiting.push({ within, failed });
      this.#begin();
    });
    return answer.then((told) => told());
  }

  /** With the next turn of the event loop: what else this one brings is of the same group. */
  #begin(): void {
    if (this.#isAtWork) return;
    this.#isAtWork = true;
    setImmediate(() => {
      void this.#commitGroup().then(() => {
        this.#isAtWork = false;
        if (this.#waiting.length > 0) this.#begin();
      });
    });
  }

  async #commitGroup(): Promise<void> {
    const group: Write[] = [];
    try {
      const answers = await this.#transaction(async (db) => {
        const fullAt = performance.now() + GROUP_MS;
        const told: (() => void)[] = [];
        for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
          group.push(next);
          told.push(await next.within(db));
          if (performance.now() >= fullAt) break;
        }
        return told;
      });
      for (const answer of answers) answer();
    } catch (error) {
      // Without a transaction to begin with, nobody who waited for it could do better with one of their own.
      if (group.length === 0) for (const one of this.#waiting.splice(0)) one.failed(error);
      else if (group.length === 1) group[0]?.failed(error);
      else for (const one of group) await this.#alone(one);
    }
  }

  /** Nobody fails for what another one wrote: a list too long for the disk, beside a receipt that fits. */
  async #alone(one: Write): Promise<void> {
    try {
      const answer = await this.#transaction((db) => one.within(db));
      answer();
    } catch (error) {
      one.failed(error);
    }
  }
}

const SAVEPOINT = CompiledQuery.raw('savepoint one_write');
const RELEASE = CompiledQuery.raw('release one_write');

/** @throws the error itself where SQLite has undone the whole transaction for it, as with a full disk */
async function undo(db: Db, error: unknown): Promise<void> {
  try {
    await db.executeQuery(CompiledQuery.raw('rollback to one_write'));
    await db.executeQuery(RELEASE);
  } catch {
    throw error;
  }
}
