/**
 * The publisher `postgres` against a real server. Rows are counted by SQL of the test's own, over its own connection.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  postgresOptionsSchema,
  type PostgresOptions,
} from '../../src/activities/publishers/postgres/options.js';
import { postgres, postgresPublisher } from '../../src/activities/publishers/postgres/publisher.js';
import type { BodyRequest, Publisher } from '../../src/activities/publishers/publisher.js';
import { land, receiptIn } from '../support/land.js';
import { startCuttingProxy, type CuttingProxy } from '../support/servers/cutting-proxy.js';
import { hasPostgres, startPostgres, type PostgresServer } from '../support/servers/postgres.js';
import { bodyRequest, context, keyOf, ours, receiptOf, sha256 } from '../unit/folder-fixture.js';

const WORKER = fileURLToPath(new URL('publish-once.mjs', import.meta.url));
const TABLE = `CREATE TABLE articles (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  nightshift_key text NOT NULL UNIQUE,
  nightshift_revision integer NOT NULL,
  nightshift_sha256 text NOT NULL,
  payload text,
  slug text UNIQUE,
  words integer,
  body text,
  raw bytea,
  withdrawn_at timestamptz)`;

describe.runIf(hasPostgres())('postgres', () => {
  let server: PostgresServer;
  let proxy: CuttingProxy;

  beforeAll(async () => {
    server = await startPostgres();
    proxy = await startCuttingProxy(server.port);
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    await server.rows('SELECT 1').catch(() => server.restart()); // a test that kills it may have failed
    await server.rows('DROP TABLE IF EXISTS articles CASCADE');
    await server.rows(TABLE);
  });

  const options = (fields: Partial<PostgresOptions> = {}): PostgresOptions =>
    postgresOptionsSchema.parse({
      url: server.url,
      bodyColumn: 'body',
      fingerprintColumn: 'payload',
      ...fields,
    });
  const publisher = (fields: Partial<PostgresOptions> = {}): Publisher =>
    postgresPublisher({ options: options(fields), target: 'articles' });
  const throughProxy = () => server.url.replace(String(server.port), String(proxy.port));
  const count = async (key = keyOf('effect')): Promise<number> => {
    const [row] = await server.rows<{ n: number }>(
      'SELECT count(*)::int AS n FROM articles WHERE nightshift_key = $1',
      [key],
    );
    return row?.n ?? -1;
  };
  const second = (text: string, fields: Partial<BodyRequest> = {}) =>
    bodyRequest(text, { revision: 2, fingerprint: sha256('payload 2'), ...fields });
  const failureOf = async (of: Publisher, verb: 'create' | 'lookup', what: Promise<unknown> | undefined) =>
    what?.then(
      () => {
        throw new Error('it did not fail');
      },
      (error: unknown) => of.classify(error, verb),
    );

  test('what is published is found again by the effect key, with revision, hash and fingerprint', async () => {
    const request = bodyRequest('# Wörter 🚲\n');
    const to = publisher({ columns: { slug: 'fix-a-puncture', words: '2' } });
    expect(await to.lookup?.(request, context)).toEqual({ kind: 'absent' });
    const placed = ours(await to.create(request, context));
    expect(placed).toEqual({
      id: request.effectKey,
      sha256: request.sha256,
      revision: 1,
      fingerprint: request.fingerprint,
      visible: true,
    });
    expect(ours(await to.lookup?.(request, context))).toEqual(placed);
    expect(await server.rows('SELECT slug, words, body FROM articles')).toEqual([
      { slug: 'fix-a-puncture', words: 2, body: '# Wörter 🚲\n' },
    ]);
  });

  test('twenty who publish one effect at once leave one row, and all get the same answer', async () => {
    const ends = await Promise.all(
      Array.from({ length: 20 }, (_, at) => publisher().create(bodyRequest(`text ${at}`), context)),
    );
    expect(await count()).toBe(1);
    const [row] = await server.rows<{ body: string }>('SELECT body FROM articles');
    expect(new Set(ends.map((end) => ours(end).sha256))).toEqual(new Set([sha256(row?.body ?? '')]));
  });

  test('publishing again changes nothing', async () => {
    await publisher().create(bodyRequest('first'), context);
    expect(ours(await publisher().create(bodyRequest('second'), context)).sha256).toBe(sha256('first'));
    expect(await server.rows('SELECT body FROM articles')).toEqual([{ body: 'first' }]);
  });

  test('two megabytes of any bytes arrive whole in a bytea column', async () => {
    const bytes = Buffer.alloc(2_000_000, Buffer.from([0, 255, 10, 13, 92, 39]));
    const request = bodyRequest('', { body: bytes, sha256: sha256(bytes) });
    expect(ours(await publisher({ bodyColumn: 'raw' }).create(request, context)).sha256).toBe(request.sha256);
    const [row] = await server.rows<{ raw: Buffer }>('SELECT raw FROM articles');
    expect(row?.raw.equals(bytes)).toBe(true);
  });

  test.each([
    ['no UTF-8', Buffer.from([0xff, 0xfe])],
    ['NUL', Buffer.from('a\0b')],
  ])('bytes that a text column can’t hold (%s) are refused before anything is written', async (_, body) => {
    const to = publisher();
    const request = bodyRequest('', { body, sha256: sha256(body) });
    expect(await failureOf(to, 'create', to.create(request, context))).toMatchObject({
      errorClass: 'invalid',
      facts: { sent: 'no' },
    });
    expect(await count()).toBe(0);
  });

  // --- Lost answers --------------------------------------------------------------------------------

  test('a lost answer to COMMIT is settled by the key, over a new connection', async () => {
    const to = publisher({ url: throughProxy() });
    const lost = proxy.loseAnswer('COMMIT');
    const placed = ours(await to.create(bodyRequest('words'), context));
    await lost;
    expect(placed.sha256).toBe(sha256('words'));
    expect(await count()).toBe(1);
  });

  test('a lost answer before COMMIT leaves nothing, and is known to', async () => {
    const to = publisher({ url: throughProxy() });
    const lost = proxy.loseAnswer('INSERT');
    const failure = await failureOf(to, 'create', to.create(bodyRequest('words'), context));
    await lost;
    expect(failure).toMatchObject({ errorClass: 'transient', facts: { sent: 'no' } });
    expect(await count()).toBe(0);
    ours(await to.create(bodyRequest('words'), context));
    expect(await count()).toBe(1);
  });

  test('a server killed right after it committed: unknown, then found by its key', async () => {
    const to = publisher({ url: throughProxy() });
    const lost = proxy.loseAnswer('COMMIT', () => server.kill());
    const failure = await failureOf(to, 'create', to.create(bodyRequest('words'), context));
    await lost;
    expect(failure).toMatchObject({ errorClass: 'unknown', facts: { sent: 'maybe' } });
    expect(await failureOf(to, 'lookup', to.lookup?.(bodyRequest('words'), context))).toMatchObject({
      errorClass: 'transient',
    });
    await server.restart();
    ours(await to.lookup?.(bodyRequest('words'), context));
    expect(await count()).toBe(1);
  });

  test('a server killed inside COMMIT: unknown, then absent, then published once', async () => {
    await server.rows(`CREATE OR REPLACE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$`);
    await server.rows(`CREATE CONSTRAINT TRIGGER stall AFTER INSERT ON articles
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION stall()`);
    const to = publisher({ timeout: '60s' });
    const creating = failureOf(to, 'create', to.create(bodyRequest('words'), context));
    for (let active = 0; active === 0;) {
      const [row] = await server.rows<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'`,
      );
      active = row?.n ?? 0;
    }
    await server.kill();
    expect(await creating).toMatchObject({ errorClass: 'unknown', facts: { sent: 'maybe' } });
    await server.restart();
    await server.rows('DROP TRIGGER stall ON articles');
    expect(await to.lookup?.(bodyRequest('words'), context)).toEqual({ kind: 'absent' });
    ours(await to.create(bodyRequest('words'), context));
    expect(await count()).toBe(1);
  });

  test('a transaction of a dead try that is still open makes the next one wait, not repeat', async () => {
    // With this default, the next one would fail instead of seeing the other's row.
    await server.rows(`ALTER DATABASE postgres SET default_transaction_isolation = 'repeatable read'`);
    const to = publisher({ timeout: '14001ms' }); // connections of its own, made from now on
    const late = server.rows(
      `DO $$ BEGIN
         INSERT INTO articles (nightshift_key, nightshift_revision, nightshift_sha256, body)
         VALUES ('${keyOf('effect')}', 1, '${sha256('late')}', 'late');
         PERFORM pg_sleep(1.5);
       END $$`,
    );
    for (let open = 0; open === 0;) {
      const [row] = await server.rows<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_locks WHERE relation = 'articles'::regclass AND mode = 'RowExclusiveLock'`,
      );
      open = row?.n ?? 0;
    }
    expect(await to.lookup?.(bodyRequest('words'), context)).toEqual({ kind: 'absent' });
    expect(ours(await to.create(bodyRequest('words'), context)).sha256).toBe(sha256('late'));
    await late;
    await server.rows('ALTER DATABASE postgres RESET default_transaction_isolation');
    expect(await count()).toBe(1);
  });

  test('a server that does not answer in time: the statement ends, nothing is left', async () => {
    await server.rows(`CREATE OR REPLACE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$`);
    await server.rows('CREATE TRIGGER stall BEFORE INSERT ON articles FOR EACH ROW EXECUTE FUNCTION stall()');
    const to = publisher({ timeout: '300ms' });
    expect(await failureOf(to, 'create', to.create(bodyRequest('words'), context))).toMatchObject({
      errorClass: 'transient',
      facts: { sent: 'rejected', code: '57014' },
    });
    expect(await count()).toBe(0);
  });

  test('a rule that is broken only at COMMIT is a refusal, not an unknown outcome', async () => {
    await server.rows('CREATE TABLE slugs (slug text PRIMARY KEY)');
    await server.rows(
      'ALTER TABLE articles ADD FOREIGN KEY (slug) REFERENCES slugs DEFERRABLE INITIALLY DEFERRED',
    );
    const to = publisher({ columns: { slug: 'nowhere' } });
    expect(await failureOf(to, 'create', to.create(bodyRequest('words'), context))).toMatchObject({
      errorClass: 'invalid',
      facts: { sent: 'rejected', code: '23503' },
    });
    await server.rows('DROP TABLE slugs CASCADE');
    expect(await count()).toBe(0);
  });

  const anotherWorker = (url: string) => {
    const request = { ...bodyRequest(''), body: undefined };
    const wish = {
      adapter: 'postgres',
      options: { url, bodyColumn: 'body' },
      target: 'articles',
      cacheDir: '/',
      request,
      text: 'from the child',
    };
    const child = spawn(process.execPath, [WORKER, JSON.stringify(wish)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return { child, ended: new Promise<number | null>((resolve) => child.once('exit', resolve)) };
  };

  test('a worker that has published can end: idle connections keep nothing alive', async () => {
    expect(await anotherWorker(server.url).ended).toBe(0);
    expect(await count()).toBe(1);
  });

  test('a worker killed between COMMIT and its answer: the next one finds the row', async () => {
    const committed = proxy.loseAnswer('COMMIT', 'hold');
    const { child, ended } = anotherWorker(throughProxy());
    await committed;
    child.kill('SIGKILL');
    await ended;
    expect(ours(await publisher().lookup?.(bodyRequest('words'), context)).sha256).toBe(
      sha256('from the child'),
    );
    ours(await publisher().create(bodyRequest('words'), context));
    expect(await count()).toBe(1);
  });

  // --- Somebody else’s -----------------------------------------------------------------------------

  test('a row that was edited is theirs and stays as it is', async () => {
    const placed = ours(await publisher().create(bodyRequest('words'), context));
    await server.rows(`UPDATE articles SET body = 'edited'`);
    const why = { kind: 'theirs', why: 'changed since it was published' };
    expect(await publisher().lookup?.(bodyRequest('words'), context)).toMatchObject(why);
    expect(await publisher().create(bodyRequest('words'), context)).toMatchObject(why);
    expect(
      await publisher().update?.(second('two'), receiptOf(placed, bodyRequest('words')), context),
    ).toMatchObject(why);
    expect(await server.rows('SELECT body FROM articles')).toEqual([{ body: 'edited' }]);
  });

  test('a row of somebody else that has what must be unique is theirs', async () => {
    await server.rows(
      `INSERT INTO articles (nightshift_key, nightshift_revision, nightshift_sha256, slug) VALUES ('x', 1, 'x', 'taken')`,
    );
    const found = await publisher({ columns: { slug: 'taken' } }).create(bodyRequest('words'), context);
    expect(found).toMatchObject({
      kind: 'theirs',
      why: expect.stringContaining('articles_slug_key') as string,
    });
    expect(await count()).toBe(0);
  });

  test('a row under our key without our marks is theirs', async () => {
    await server.rows(
      `INSERT INTO articles (nightshift_key, nightshift_revision, nightshift_sha256) VALUES ($1, 1, 'no hash')`,
      [keyOf('effect')],
    );
    expect(await publisher().create(bodyRequest('words'), context)).toMatchObject({ kind: 'theirs' });
  });

  test('a table that changes what is written gets nothing', async () => {
    await server.rows(`CREATE OR REPLACE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN NEW.body := upper(NEW.body); RETURN NEW; END $$`);
    await server.rows('CREATE TRIGGER shout BEFORE INSERT ON articles FOR EACH ROW EXECUTE FUNCTION shout()');
    const to = publisher();
    expect(await failureOf(to, 'create', to.create(bodyRequest('words'), context))).toMatchObject({
      errorClass: 'config',
      facts: { sent: 'rejected' },
    });
    expect(await count()).toBe(0);
  });

  // --- Updates and undoing -------------------------------------------------------------------------

  test('a higher revision updates the row once, and a late lower one changes nothing', async () => {
    const one = bodyRequest('one');
    const before = receiptOf(ours(await publisher().create(one, context)), one);
    const updated = ours(
      await publisher({ columns: { slug: 'new' } }).update?.(second('two'), before, context),
    );
    expect(updated).toMatchObject({ revision: 2, sha256: sha256('two'), fingerprint: sha256('payload 2') });
    expect(ours(await publisher().update?.(second('two'), before, context))).toEqual(updated);
    const third = { ...second('three'), revision: 3 };
    ours(await publisher().update?.(third, receiptOf(updated, second('two')), context));
    expect(await publisher().update?.(second('two'), before, context)).toMatchObject({
      kind: 'theirs',
      why: 'has revision 3, this is 2',
    });
    expect(await server.rows('SELECT body, nightshift_revision, slug FROM articles')).toEqual([
      { body: 'three', nightshift_revision: 3, slug: 'new' },
    ]);
  });

  test('a lost answer to the COMMIT of an update is settled by the key', async () => {
    const before = receiptOf(ours(await publisher().create(bodyRequest('one'), context)), bodyRequest('one'));
    const lost = proxy.loseAnswer('COMMIT');
    const to = publisher({ url: throughProxy() });
    expect(ours(await to.update?.(second('two'), before, context)).revision).toBe(2);
    await lost;
  });

  test('undoing deletes the row, can be repeated, and leaves an edited one alone', async () => {
    const request = bodyRequest('words');
    const to = publisher();
    expect(to.facts.unpublish).toBe('delete');
    const receipt = receiptOf(ours(await to.create(request, context)), request);
    await server.rows(`UPDATE articles SET body = 'edited'`);
    await expect(to.unpublish?.(request, receipt, context)).rejects.toMatchObject({
      cause: { errorClass: 'conflict' },
    });
    await server.rows(`UPDATE articles SET body = 'words'`);
    await to.unpublish?.(request, receipt, context);
    await to.unpublish?.(request, receipt, context);
    expect(await count()).toBe(0);
  });

  test('undoing by a mark keeps the row, which then counts as removed', async () => {
    const request = bodyRequest('words');
    const to = publisher({ unpublish: 'mark', deletedColumn: 'withdrawn_at' });
    expect(to.facts.unpublish).toBe('hide');
    const receipt = receiptOf(ours(await to.create(request, context)), request);
    await to.unpublish?.(request, receipt, context);
    await to.unpublish?.(request, receipt, context);
    expect(await server.rows('SELECT withdrawn_at IS NOT NULL AS gone FROM articles')).toEqual([
      { gone: true },
    ]);
    expect(await to.lookup?.(request, context)).toMatchObject({ kind: 'removed' });
    expect(await to.create(request, context)).toMatchObject({ kind: 'removed' });

    const row = { receipt, unpublishedRevision: 1 };
    const end = await land(to, bodyRequest('other', { revision: 2 }), { row });
    expect(end).toMatchObject({ kind: 'landed', receipt: { revision: 2 } });
    expect(await server.rows('SELECT withdrawn_at, body FROM articles')).toEqual([
      { withdrawn_at: null, body: 'other' },
    ]);
    await server.rows('UPDATE articles SET withdrawn_at = now()');
    const taken = { receipt: receiptIn(end), unpublishedRevision: 1 };
    const third = bodyRequest('third', { revision: 3 });
    expect(await land(to, third, { row: taken })).toMatchObject({ kind: 'held', errorClass: 'conflict' });
  });

  test('by the algorithm, with no ledger behind it: landed, adopted, updated, and held once somebody edits', async () => {
    const one = await land(publisher(), bodyRequest('one'));
    expect(one).toMatchObject({ kind: 'landed', sent: true });
    expect(await land(publisher(), bodyRequest('one'))).toMatchObject({ kind: 'adopted', sent: false });
    const two = await land(publisher(), second('two'), { row: { receipt: receiptIn(one) } });
    expect(two).toMatchObject({ kind: 'landed', receipt: { revision: 2, sha256: sha256('two') } });
    await server.rows(`UPDATE articles SET body = 'edited'`);
    const three = second('three', { revision: 3 });
    expect(await land(publisher(), three, { row: { receipt: receiptIn(two) } })).toMatchObject({
      kind: 'held',
    });
    expect(await server.rows('SELECT body FROM articles')).toEqual([{ body: 'edited' }]);
  });

  // --- Refusals ------------------------------------------------------------------------------------

  test.each([
    ['no index', 'ALTER TABLE articles DROP CONSTRAINT articles_nightshift_key_key'],
    [
      'an index of some rows only',
      `ALTER TABLE articles DROP CONSTRAINT articles_nightshift_key_key;
       CREATE UNIQUE INDEX ON articles (nightshift_key) WHERE words > 1`,
    ],
    [
      'an index that is not unique',
      `ALTER TABLE articles DROP CONSTRAINT articles_nightshift_key_key;
       CREATE INDEX ON articles (nightshift_key)`,
    ],
    [
      'an index of two columns',
      `ALTER TABLE articles DROP CONSTRAINT articles_nightshift_key_key;
       CREATE UNIQUE INDEX ON articles (nightshift_key, slug)`,
    ],
    [
      'an index that waits until COMMIT',
      `ALTER TABLE articles DROP CONSTRAINT articles_nightshift_key_key;
       ALTER TABLE articles ADD UNIQUE (nightshift_key) DEFERRABLE`,
    ],
    [
      'a view',
      'ALTER TABLE articles RENAME TO real_articles; CREATE VIEW articles AS SELECT * FROM real_articles',
    ],
  ])('without a unique index on the key (%s) nothing starts', async (_, sql) => {
    await server.rows(sql);
    const to = publisher({ timeout: `${14_000 + sql.length}ms` });
    for (const verb of ['lookup', 'create'] as const) {
      expect(await failureOf(to, verb, to[verb]?.(bodyRequest('words'), context))).toMatchObject({
        errorClass: 'config',
        message: expect.stringContaining('unique index') as string,
      });
    }
    expect(await to.probe?.(context)).toMatchObject([{ status: 'fail' }]);
    await server
      .rows('DROP VIEW IF EXISTS articles; DROP TABLE IF EXISTS real_articles')
      .catch(() => undefined);
  });

  test('a missing table, column or database is named', async () => {
    for (const [fields, said] of [
      [{ table: 'nowhere' }, 'no table "nowhere"'],
      [{ table: 'public.Articles' }, 'no table "public"."Articles"'],
      [{ columns: { tilte: 'x' } }, 'no column "tilte"'],
      [{ revisionColumn: 'slug' }, 'revisions need integer'],
      [{ url: `${server.url}x` }, 'check the database'],
    ] as const) {
      const to = publisher(fields);
      expect(await failureOf(to, 'create', to.create(bodyRequest('words'), context))).toMatchObject({
        errorClass: 'config',
        message: expect.stringContaining(said) as string,
      });
    }
  });

  test('names and values that look like SQL stay names and values', async () => {
    const evil = `a"; DROP TABLE articles; --`;
    await server.rows(`ALTER TABLE articles ADD COLUMN "a""; DROP TABLE articles; --" text`);
    await publisher({ columns: { [evil]: `'); DROP TABLE articles; --` } }).create(
      bodyRequest(`'; --`),
      context,
    );
    expect(await count()).toBe(1);
  });

  test('a value that the table does not take is invalid, and no other job stops for it', async () => {
    const to = publisher({ columns: { words: 'many' } });
    expect(await failureOf(to, 'create', to.create(bodyRequest('words'), context))).toMatchObject({
      errorClass: 'invalid',
      facts: { sent: 'rejected' },
    });
  });

  test('rights: a role that may only insert and read publishes; what it lacks is named', async () => {
    await server.rows(`CREATE ROLE writer LOGIN PASSWORD 'wr-secret'`);
    await server.rows('GRANT SELECT ON articles TO writer');
    const url = `postgres://writer:wr-secret@127.0.0.1:${server.port}/postgres`;
    const to = publisher({ url });
    expect(await failureOf(to, 'create', to.create(bodyRequest('words'), context))).toMatchObject({
      errorClass: 'auth',
      facts: { code: '42501', sent: 'rejected' },
    });
    expect((await to.probe?.(context))?.map(({ status }) => status)).toEqual(['ok', 'fail', 'warn', 'warn']);
    await server.rows('GRANT INSERT ON articles TO writer');
    ours(await to.create(bodyRequest('words'), context));
    await server.rows('ALTER TABLE articles ENABLE ROW LEVEL SECURITY');
    expect(await to.probe?.(context)).toContainEqual(
      expect.objectContaining({
        status: 'warn',
        detail: expect.stringContaining('row-level security') as string,
      }),
    );
    await server.rows('DROP OWNED BY writer; DROP ROLE writer');
  });

  test('secrets stand in no error, wherever it comes from', async () => {
    const port = server.port;
    const urls = [
      `postgres://nightshift:tops3cret@127.0.0.1:${port}/postgres`,
      `postgres://nightshift:tops3cret@127.0.0.1:1/postgres`,
      `postgres://nightshift:tops3cret@no-such-host.invalid/postgres`,
    ];
    const seen = [];
    for (const url of urls) {
      const to = publisher({ url });
      const failure = await failureOf(to, 'create', to.create(bodyRequest('words'), context));
      seen.push([failure?.errorClass, failure?.facts.sent]);
      expect(`${failure?.message} ${JSON.stringify(failure)}`).not.toContain('tops3cret');
      expect(JSON.stringify(await to.probe?.(context))).not.toContain('tops3cret');
    }
    expect(seen).toEqual([
      ['auth', 'rejected'],
      ['transient', 'no'],
      ['transient', 'no'],
    ]);
    const refused = postgres.options.safeParse({ url: 'mysql://root:tops3cret@host/x' });
    expect(refused.success).toBe(false);
    expect(refused.error?.message).not.toContain('tops3cret');
  });

  test('a rehearsal and a probe change nothing', async () => {
    await publisher().lookup?.(bodyRequest('words'), context);
    expect((await publisher().probe?.(context))?.every(({ status }) => status === 'ok')).toBe(true);
    expect(await count()).toBe(0);
  });

  test('a try that is told to stop writes nothing', async () => {
    const to = publisher();
    const stopped = { ...context, signal: AbortSignal.abort() };
    expect(await failureOf(to, 'create', to.create(bodyRequest('words'), stopped))).toMatchObject({
      errorClass: 'transient',
      facts: { sent: 'no' },
    });
    expect(await count()).toBe(0);
  });
});
