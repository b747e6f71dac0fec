// The ledger in a file under several real processes, some of which are killed.
import { expect, test } from 'vitest';
import { aPlace, rawSql } from '../unit/ledger-fixture.js';
import { standsManyProcesses, TIMEOUT_MS } from './ledger-cases.js';
import { aWriter, expectAcknowledged, lastSteps } from './ledger-writers.js';

standsManyProcesses();

test(
  'two processes that write at once lose nothing and mix nothing up',
  { timeout: TIMEOUT_MS },
  async () => {
    const path = await aPlace();
    const writers = ['a', 'b'].map((name) => aWriter(path, name, 150));
    for (const writer of writers) await writer.ready;
    for (const writer of writers) writer.start();
    const ends = await Promise.all(writers.map((writer) => writer.ended));

    for (const end of ends) expect(end.code, end.stderr).toBe(0);
    const raw = rawSql(path);
    expect(await raw('select count(*) as receipts from receipts')).toEqual([{ receipts: 300 }]);
    expect(await raw(`select count(*) as done from jobs where state = 'done'`)).toEqual([{ done: 300 }]);
    for (const end of ends) await expectAcknowledged(path, lastSteps(end.stdout));
  },
);
