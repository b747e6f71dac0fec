// Writes of an embedded ledger that come at the same time: what they share, and what they do not.
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { queriesOver } from '../../src/ledger/dialect-sqlite.js';
import { GroupCommit } from '../../src/ledger/group-commit.js';
import type { Db } from '../../src/ledger/store.js';
import { temporaryFolder } from './ledger-fixture.js';

/** A file with one table of words, each of which may be there once. */
function aFile() {
  const path = join(temporaryFolder(), 'words.db');
  const statements: string[] = [];
  const database = new BetterSqlite3(path, { verbose: (text) => statements.push(String(text)) });
  database.exec('pragma journal_mode = wal; create table words (word text unique)');
  const db = queriesOver(database, path);
  const elsewhere = new BetterSqlite3(path, { readonly: true });
  onTestFinished(async () => {
    elsewhere.close();
    await db.destroy();
  });
  const groups = new GroupCommit((body) => db.transaction().execute(body));
  return {
    groups,
    /** As another process sees them: what is committed. */
    words: () => elsewhere.prepare('select word from words order by word').pluck().all(),
    commits: () => statements.filter((text) => text === 'commit').length,
    pragma: (text: string) => database.pragma(text),
  };
}

const add = (word: string) => async (db: Db) => {
  await sql`insert into words values (${word})`.execute(db);
  return word;
};

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('fifty at once are one commit, and each has its own answer', async () => {
  const { groups, words, commits } = aFile();
  const all = Array.from({ length: 50 }, (_, at) => `word-${at}`);
  const answers = await Promise.all(all.map((word) => groups.write(add(word))));
  expect(answers).toEqual(all);
  expect(words()).toHaveLength(50);
  expect(commits()).toBe(1);
});

test('nobody is answered before the commit', async () => {
  const { groups, words } = aFile();
  const seen = await Promise.all(
    ['first', 'second'].map(async (word) => {
      await groups.write(add(word));
      return words();
    }),
  );
  expect(seen).toEqual([
    ['first', 'second'],
    ['first', 'second'],
  ]);
});

test('one that fails changes nothing, and nothing for the others', async () => {
  const { groups, words, commits } = aFile();
  const ends = await Promise.allSettled([
    groups.write(add('first')),
    groups.write(async (db) => {
      await add('half')(db);
      await add('first')(db); // a word that is there
    }),
    groups.write(async (db) => {
      await add('changed my mind')(db);
      throw new Error('a decision, after it wrote');
    }),
    groups.write(add('last')),
  ]);
  expect(ends.map((end) => end.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
  expect(ends[1]).toMatchObject({ reason: { code: 'SQLITE_CONSTRAINT_UNIQUE' } });
  expect(ends[2]).toMatchObject({ reason: { message: 'a decision, after it wrote' } });
  expect(words()).toEqual(['first', 'last']);
  expect(commits()).toBe(1);
});

test('one for which there is no room takes nobody along', async () => {
  const { groups, words, pragma } = aFile();
  pragma('max_page_count = 12');
  const long = (name: string) => add(name + 'x'.repeat(200_000));
  const ends = await Promise.allSettled([
    groups.write(add('before')),
    groups.write(long('too long')),
    groups.write(add('after')),
  ]);
  expect(ends.map((end) => end.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(ends[1]).toMatchObject({ reason: { facts: { code: 'SQLITE_FULL' } } });
  expect(words()).toEqual(['after', 'before']);
});

test('a transaction that SQLite undoes by itself is no loss: each is written alone', async () => {
  const { groups, words } = aFile();
  let times = 0;
  const ends = await Promise.allSettled([
    groups.write(add('before')),
    groups.write(async (db) => {
      times++;
      await sql.raw('rollback').execute(db); // as after an I/O error
      throw new Error('the disk');
    }),
    groups.write(add('after')),
  ]);
  expect(ends.map((end) => end.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(ends[1]).toMatchObject({ reason: { message: 'the disk' } });
  expect(times).toBe(2);
  expect(words()).toEqual(['after', 'before']);
});

test('a commit that fails is told to each who was in it', async () => {
  let refuses = true;
  const { groups: real, words } = aFile();
  const groups = new GroupCommit(async (body) => {
    const result = await real.write(async (db) => {
      const answers = await body(db);
      if (refuses) throw new Error('not durable');
      return answers;
    });
    return result;
  });
  const ends = await Promise.allSettled([groups.write(add('one')), groups.write(add('two'))]);
  expect(ends).toMatchObject([
    { status: 'rejected', reason: { message: 'not durable' } },
    { status: 'rejected', reason: { message: 'not durable' } },
  ]);
  expect(words()).toEqual([]);

  refuses = false;
  await groups.write(add('one'));
  expect(words()).toEqual(['one']);
});

test('those who waited for a lock that never came fail together; who comes later tries again', async () => {
  let isLocked = true;
  let tries = 0;
  const { groups: real, words } = aFile();
  const groups = new GroupCommit((body) => {
    tries++;
    return isLocked ? Promise.reject(new Error('locked')) : real.write(body);
  });
  const ends = await Promise.allSettled([groups.write(add('one')), groups.write(add('two'))]);
  expect(ends.map((end) => end.status)).toEqual(['rejected', 'rejected']);
  expect(tries).toBe(1);

  isLocked = false;
  await groups.write(add('three'));
  expect(words()).toEqual(['three']);
});

test('who writes without end leaves the event loop to others', async () => {
  const { groups } = aFile();
  let turns = 0;
  let isWriting = true;
  const others = (async () => {
    for (; isWriting; turns++) await turn();
  })();
  for (let at = 0; at < 20; at++) await groups.write(add(`word-${at}`));
  isWriting = false;
  await others;
  expect(turns).toBeGreaterThanOrEqual(19);
});
