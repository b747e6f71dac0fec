// Two workers of one PostgreSQL ledger, killed in turn by SIGKILL while a batch runs. Counted at the destination, by
// the agent's own log, and in the database.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEngine, type Engine } from '../../src/engine/index.js';
import { slugsOf, tempDir, twice, writeBatch } from '../support/batch.js';
import { MISSED_SOON, cli, startCli, until, type RunningCli } from '../support/cli.js';
import { hasPostgres, startPostgres, type PostgresServer } from '../support/servers/postgres.js';

const ROUNDS = 6;

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
});
