// The database of the ledger goes away in mid-night, for longer than anybody's patience with one call.
import { describe, expect, onTestFinished, test } from 'vitest';
import { slugsOf, writeBatch } from '../support/batch.js';
import { startCli, until } from '../support/cli.js';
import { hasPostgres, startPostgres } from '../support/servers/postgres.js';

describe.runIf(hasPostgres())('a run whose ledger is in PostgreSQL', () => {
  test('waits while the server is away, tells of it once, and finishes the night when it is back', async () => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.stop());
    const batch = writeBatch({ slugs: slugsOf(4), seconds: 1, concurrency: 1 });
    const env = { NIGHTSHIFT_STATE: batch.state, NIGHTSHIFT_LEDGER: postgres.url };
    const night = startCli(['run', batch.file, '--json'], { cwd: batch.dir, env });
    onTestFinished(() => void night.process.kill('SIGKILL'));
    let said = '';
    night.process.stderr?.on('data', (text: string) => (said += text));
    await until('the first article is there', () => batch.published().length > 0);

    await postgres.kill();
    await until('the person is told', () => said.includes('looking for it again'));
    expect(night.process.exitCode).toBeNull();
    await postgres.restart();

    const end = await night.exit;
    expect(end.code, end.stderr).toBe(0);
    expect(end.stderr.match(/does not answer .*; looking for it again/g), end.stderr).toHaveLength(1);
    expect(end.stderr.match(/the ledger is back/g), end.stderr).toHaveLength(1);
    expect(batch.published()).toHaveLength(4);
    expect(batch.sessions()).toHaveLength(4);
  });
});
