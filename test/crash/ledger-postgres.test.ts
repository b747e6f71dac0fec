// The ledger in PostgreSQL while connections, the server and other writers break. NIGHTSHIFT_TEST_SEED replays a run.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openLedger } from '../../src/ledger/open.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { jitterOf } from '../../src/policy/jitter.js';
import { SEED } from '../support/rounds.js';
import { hasPostgres, startPostgres, type PostgresServer } from '../support/servers/postgres.js';
import {
  aPlace,
  BATCH,
  by,
  claimed,
  claimRequest,
  collected,
  effectOf,
  failed,
  jobOf,
  keyOf,
  NOBODY,
  PARKED,
  placeOf,
  rawSql,
  sessionOf,
  startedSession,
  useDatabase,
} from '../unit/ledger-fixture.js';
import { standsManyProcesses, TIMEOUT_MS } from './ledger-cases.js';
import { aWriter, expectAcknowledged, lastSteps, type Writer } from './ledger-writers.js';
import { startPostgresProxy, type CommitFault } from './postgres-proxy.js';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.runIf(hasPostgres())('on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
    useDatabase(server.url);
  });
  afterAll(async () => {
    console.error(`seed ${SEED}`);
    await server.stop();
  });

  standsManyProcesses(); // two that write at once are below, while connections are ended

  test.each<CommitFault>(['lost-request', 'lost-answer', 'late-request'])(
    'each write is done once although its COMMIT meets a %s',
    { timeout: TIMEOUT_MS },
    async (fault) => {
      const undisturbed = await story(await aPlace());

      const proxy = await startPostgresProxy(server.port);
      onTestFinished(() => proxy.close());
      const path = await aPlace();
      const disturbed = await story(path, (ledgerUrl) => {
        proxy.fault = fault;
        return ledgerUrl.replace(`:${server.port}/`, `:${proxy.port}/`);
      });

      expect(proxy.cuts()).toBeGreaterThanOrEqual(disturbed.answers.length);
      expect(disturbed).toEqual(undisturbed);
    },
  );

  test('connections that the server ends cost no write', { timeout: TIMEOUT_MS }, async () => {
    const path = await aPlace();
    const writers = ['a', 'b'].map((name) => aWriter(path, name, 60));
    for (const writer of writers) await writer.ready;
    for (const writer of writers) writer.start();
    await allWrite(writers);
    let running = true;
    const ends = Promise.all(writers.map((writer) => writer.ended)).finally(() => (running = false));
    let ended = 0;
    for (let round = 0; running; round++) {
      const victims = await server.rows(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'nightshift'`,
      );
      ended += victims.length;
      await sleep(20 + jitterOf(`${SEED}:ends:${round}`) * 150);
    }

    for (const end of await ends) {
      expect(end.code, end.stderr).toBe(0);
      await expectAcknowledged(path, lastSteps(end.stdout));
    }
    expect(await rawSql(path)('select count(*) as receipts from receipts')).toEqual([{ receipts: 120 }]);
    expect(ended).toBeGreaterThan(10);
  });

  test('a server killed and started again under load loses nothing', { timeout: TIMEOUT_MS }, async () => {
    const path = await aPlace();
    const writers = ['a', 'b'].map((name) => aWriter(path, name, 100_000));
    for (const writer of writers) await writer.ready;
    for (const writer of writers) writer.start();
    const reader = aReader(await openLedger(placeOf(path)));
    for (let round = 0; round < 4; round++) {
      await allWrite(writers);
      await sleep(jitterOf(`${SEED}:kill:${round}`) * 500);
      await server.kill();
      await server.restart();
    }
    await allWrite(writers);
    for (const writer of writers) writer.kill();
    expect(await reader.stop()).toBeGreaterThan(4);

    for (const writer of writers) {
      const { stdout, stderr } = await writer.ended;
      expect(stderr).toBe('');
      await expectAcknowledged(path, lastSteps(stdout));
    }
  });

  test(
    'a writer that stands still in mid-write holds others up for seconds only, and then goes on',
    { timeout: TIMEOUT_MS },
    async () => {
      const path = await aPlace();
      const writer = aWriter(path, 'a', 100_000);
      await writer.ready;
      writer.start();
      const holdsLock = async () =>
        (await server.rows(`select from pg_locks where locktype = 'advisory' and granted`)).length > 0;
      while (writer.acknowledged() < 5) await sleep(5);
      for (;;) {
        writer.kill('SIGSTOP');
        await sleep(50); // the server carries out what is on its way
        if (await holdsLock()) break;
        writer.kill('SIGCONT');
        await sleep(5);
      }

      const ledger = await openLedger(placeOf(path));
      onTestFinished(() => ledger.close());
      expect((await claimed(ledger, 'meanwhile')).fence).toBe(1);

      const before = writer.acknowledged();
      writer.kill('SIGCONT');
      while (writer.acknowledged() < before + 20) await sleep(20);
      writer.kill();
      const { stdout } = await writer.ended;
      await expectAcknowledged(path, lastSteps(stdout));
    },
  );

  test('of two workers that claim at once, one can go on', { timeout: TIMEOUT_MS }, async () => {
    const path = await aPlace();
    const ledgers = await Promise.all([0, 1].map(() => openLedger(placeOf(path))));
    onTestFinished(async () => void (await Promise.all(ledgers.map((ledger) => ledger.close()))));
    for (let round = 0; round < 20; round++) {
      const slug = `job-${round}`;
      const goesOn = await Promise.allSettled(
        ledgers.map(async (ledger) => {
          const claim = await claimed(ledger, slug);
          await sleep(jitterOf(`${SEED}:claim:${round}:${claim.fence}`) * 10);
          await startedSession(ledger, slug, claim);
          return claim.fence;
        }),
      );
      const fences = goesOn.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
      // The first may have started its session before the second claimed: then the second is told of that session.
      expect(fences, slug).toContain(2);
      const refused = goesOn.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []));
      for (const reason of refused) expect(reason).toMatch(/StaleFence|given before/);
    }
  });
});

/** Somebody who watches meanwhile. `stop` tells how often it read, or what went wrong. */
function aReader(ledger: Ledger) {
  let reads = 0;
  let stopped = false;
  const reading = (async () => {
    for (let head = 0; !stopped; reads++) {
      const [next] = await Promise.all([ledger.head(), ledger.totals(BATCH, 0), ledger.batches()]);
      expect(next).toBeGreaterThanOrEqual(head); // what was read once is not undone
      head = next;
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await reading.finally(() => ledger.close());
      return reads;
    },
  };
}

/** Resolves when each has written something from now on. */
async function allWrite(writers: readonly Writer[]): Promise<void> {
  const before = writers.map((writer) => writer.acknowledged());
  while (writers.some((writer, index) => writer.acknowledged() <= (before[index] ?? 0))) await sleep(20);
}

/** What the ledger answered to each kind of write, and all that is in its tables afterwards. */
async function story(path: string, through: (url: string) => string = (url) => url) {
  let moment = 0;
  // Times are made equal, so that whole tables can be compared.
  const now = () => new Date(Date.UTC(2026, 0, 1) + moment);
  await (await openLedger(placeOf(path))).close(); // the tables are there
  const ledger = await openLedger({ ...placeOf(through(path)), now });
  try {
    const answers: unknown[] = [];
    for (const step of everyWrite(ledger)) {
      moment += 1000;
      answers.push(await step());
    }
    const raw = rawSql(path);
    const tables: Record<string, unknown> = {};
    for (const table of [
      'batches',
      'batch_jobs',
      'jobs',
      'attempts',
      'sessions',
      'effects',
      'receipts',
      'history',
    ])
      tables[table] = await raw(`select * from ${table} order by 1, 2, 3, 4, 5`);
    return { answers, tables };
  } finally {
    await ledger.close();
  }
}

/** One transaction each. */
function everyWrite(ledger: Ledger): (() => Promise<unknown>)[] {
  const post = effectOf('one');
  const body = { sha256: 'b'.repeat(64), revision: 1 };
  const unclear = { state: 'unknown', errorClass: 'unknown', message: 'no answer' } as const;
  const session = (slug: string) => ({
    ...sessionOf(slug, 1),
    ...jobOf(slug),
    provider: 'command',
    revision: 1,
    by: by(),
  });
  const receipt = {
    effectKey: post.effectKey,
    revision: 1,
    id: 'id',
    sha256: 'b'.repeat(64),
    landedAt: '2026-01-01T00:00:00.000Z',
    adopted: false,
  };
  return [
    () => ledger.claimJob(claimRequest('one')),
    () => ledger.intendSession(session('one'), 1),
    () => ledger.saveHandle(sessionOf('one', 1), { pid: 1 }, 1),
    () => ledger.attachSession(sessionOf('one', 1), 1),
    () => ledger.endSession(sessionOf('one', 1), collected(7), 1),
    () => ledger.beginEffect(post, by()),
    () => ledger.attemptingEffect(post.effectKey, body, 1),
    () => ledger.stopEffect(post.effectKey, unclear, 1),
    () => ledger.beginEffect(post, by()),
    () => ledger.attemptingEffect(post.effectKey, body, 2),
    () =>
      ledger.landEffect(
        receipt,
        { ...jobOf('one'), effectKeys: [post.effectKey], revision: 1, state: 'done' },
        2,
      ),
    () => ledger.claimJob(claimRequest('two')),
    () => ledger.intendSession(session('two'), 1),
    () => ledger.saveHandle(sessionOf('two', 1), { pid: 2 }, 1),
    () => ledger.endSession(sessionOf('two', 1), failed({ job: PARKED }), 1),
    () => ledger.claimJob(claimRequest('three')),
    () => ledger.intendSession(session('three'), 1),
    () => ledger.saveHandle(sessionOf('three', 1), { pid: 3 }, 1),
    () => ledger.endSession(sessionOf('three', 1), collected(), 1),
    () => ledger.loseArtifact(jobOf('three'), 'gone', 1),
    () => ledger.settleJob(jobOf('three'), { state: 'cancelled' }, by()),
    () => openBatchOnly(ledger),
    () => ledger.setMembers(BATCH, [{ ...jobOf('two'), identity: { slug: 'two' }, verdict: 'new' }]),
    () => ledger.requeue(BATCH, NOBODY),
    () => ledger.setBatchState(BATCH, 'paused', NOBODY, 'why'),
  ];
}

const openBatchOnly = (ledger: Ledger): Promise<void> =>
  ledger.openBatch({
    id: BATCH,
    name: 'nightly',
    key: keyOf('x'),
    work: 'article',
    runId: 'run-1',
    manifest: '{}',
    jobs: 1,
    currency: 'EUR',
    by: NOBODY,
  });
