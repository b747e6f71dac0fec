// Two workers of one PostgreSQL ledger: killed in turn by SIGKILL while a batch runs, or one stopped in the middle of an
// effect and woken after the other has done it. Counted at the destination, by the agent's own log, and in the database.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openEngine, type Engine } from '../../src/engine/index.js';
import { slugsOf, tempDir, twice, writeBatch } from '../support/batch.js';
import { MISSED_SOON, cli, startCli, until, type RunningCli } from '../support/cli.js';
import { effectsAt, startKeyedService } from '../support/servers/keyed-service.js';
import { hasPostgres, startPostgres, type PostgresServer } from '../support/servers/postgres.js';

const ROUNDS = 6;
/** By its fence, or by the engine, whichever is asked first. */
const REFUSED = /"message":"publish ended".*"outcome":"(StaleFence|cancelled)"/;

describe.runIf(hasPostgres())('two workers on one PostgreSQL ledger', () => {
  const dir = tempDir('nightshift-two-workers-');
  const workers: RunningCli[] = [];
  let server: PostgresServer;
  let engine: Engine;

  beforeAll(async () => {
    server = await startPostgres();
    engine = await openEngine({ stateDir: `${dir}/engine`, env: process.env, onProgress: () => undefined });
  });
  afterAll(async () => {
    for (const worker of workers) worker.process.kill('SIGKILL');
    engine?.release();
    await server?.stop();
  });

  test('each killed again and again: every job once, every effect once', { timeout: 300_000 }, async () => {
    const batch = writeBatch({ dir: `${dir}/night`, slugs: slugsOf(16), seconds: 2, concurrency: 4 });
    const options = {
      cwd: batch.dir,
      env: {
        TEMPORAL_ADDRESS: engine.address,
        NIGHTSHIFT_LEDGER: server.url,
        ...MISSED_SOON,
      },
    };
    const worker = () => {
      const started = startCli(['worker', '--state', batch.state], options);
      workers.push(started);
      return started;
    };
    let [first, second] = [worker(), worker()];
    const begun = await cli(['run', batch.file, '--detach', '--state', batch.state], options);
    expect(begun.code, begun.stderr).toBe(0);

    for (let round = 0; round < ROUNDS; round++) {
      const sessions = batch.sessions().length;
      await until(
        'work goes on',
        () => batch.sessions().length > sessions || batch.published().length === 16,
      );
      first.process.kill('SIGKILL');
      await first.exit;
      [first, second] = [second, worker()];
    }
    const end = await cli(['watch', '--state', batch.state, '--json'], options);
    expect(end.code, end.stderr).toBe(0);

    expect(batch.published()).toHaveLength(16);
    expect(batch.sessions()).toHaveLength(16);
    expect(twice(batch.sessions())).toEqual([]);
    const [counted] = await server.rows<{ receipts: string; jobs: string }>(
      "select (select count(*) from receipts) as receipts, (select count(*) from jobs where state = 'done') as jobs",
    );
    expect(counted).toEqual({ receipts: '16', jobs: '16' });
  });

  test.each([
    ['has asked, and sent nothing yet', 'look'],
    ['has sent its request, and has no answer yet', 'write'],
  ] as const)(
    'one that is suspended when it %s writes nothing when it wakes: the other has the effect',
    { timeout: 300_000 },
    async (_, moment) => {
      const service = await startKeyedService();
      onTestFinished(() => service.stop());
      const name = `suspended-${moment}`;
      const effects = effectsAt(service);
      const batch = writeBatch({ dir: `${dir}/${name}`, name, work: name, slugs: ['one'], effects });
      const schema = name.replace('-', '_');
      await server.rows(`create schema ${schema}`);
      const url = `${server.url}?options=-csearch_path%3D${schema}`;
      const env = { TEMPORAL_ADDRESS: engine.address, NIGHTSHIFT_LEDGER: url, NIGHTSHIFT_TASK_QUEUE: name };
      const options = { cwd: batch.dir, env: { ...env, ...MISSED_SOON, NIGHTSHIFT_LOG: 'json' } };
      const worker = () => {
        const started = startCli(['worker', '--state', batch.state], options);
        workers.push(started);
        return started;
      };

      const first = worker();
      let log = '';
      first.process.stderr?.on('data', (text: string) => (log += text));
      let suspended = false;
      service.before = (what) => {
        // Before its session a job is asked for too.
        if (suspended || what !== moment || batch.sessions().length === 0) return;
        suspended = first.process.kill('SIGSTOP');
      };
      const begun = await cli(['run', batch.file, '--detach', '--state', batch.state], options);
      expect(begun.code, begun.stderr).toBe(0);
      await until('the first one is suspended', () => suspended);
      worker();
      const end = await cli(['watch', '--state', batch.state, '--json'], options);
      expect(end.code, end.stderr).toBe(0);
      expect(service.posts).toHaveLength(1);

      first.process.kill('SIGCONT');
      await until('the one that woke is refused, and says so', () => REFUSED.test(log));
      first.process.kill('SIGTERM');
      await first.exit;
      expect(service.posts).toHaveLength(1);
      expect(batch.sessions()).toHaveLength(1);
      // What the engine had handed to the suspended one meanwhile comes after these two, and finds the receipt.
      const tries = await server.rows<{ outcome: string; worker: string }>(
        `select outcome, worker from ${schema}.attempts where step = 'post' order by number limit 2`,
      );
      expect(tries.map(({ outcome }) => outcome)).toEqual(['superseded', 'landed']);
      expect(tries[0]?.worker).not.toBe(tries[1]?.worker);
      expect(await server.rows(`select count(*)::int as receipts from ${schema}.receipts`)).toEqual([
        { receipts: 1 },
      ]);
    },
  );
});
