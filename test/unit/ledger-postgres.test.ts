// Everything that is tested of a ledger in a file, again with the ledger in a PostgreSQL database.
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe } from 'vitest';
import { hasPostgres, startPostgres, type PostgresServer } from '../support/servers/postgres.js';
import { useDatabase } from './ledger-fixture.js';

/** `claim` of `ledger-claim.test.ts`, and so on; but for what is only of files, or only of PostgreSQL. */
const suites = readdirSync(import.meta.dirname)
  .flatMap((file) => /^ledger-(.*)\.test\.ts$/.exec(file)?.[1] ?? [])
  .filter((suite) => !/sqlite|postgres/.test(suite));

describe.runIf(hasPostgres())('on PostgreSQL', { timeout: 240_000 }, async () => {
  let server: PostgresServer | undefined;
  beforeAll(async () => {
    server = await startPostgres();
    useDatabase(server.url);
  });
  afterAll(() => server?.stop());

  for (const suite of suites) await import(`./ledger-${suite}.test.ts`);
});
