/** What several real processes do to one ledger, some of which are killed. NIGHTSHIFT_TEST_SEED replays a run. */
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { MIGRATIONS } from '../../src/ledger/migrate.js';
import { openLedger } from '../../src/ledger/open.js';
import { jitterOf } from '../../src/policy/jitter.js';
import { SEED } from '../support/rounds.js';
import { aPlace, placeOf, rawSql } from '../unit/ledger-fixture.js';
import { aWriter, expectAcknowledged, lastSteps } from './ledger-writers.js';

const KILLS = 12;
/** Most of the time goes into loading processes, which a busy machine does slowly. */
export const TIMEOUT_MS = 240_000;

/** Tests of a ledger wherever it is kept. */
export function standsManyProcesses(): void {
  const moments: string[] = [];

  afterAll(() => console.error(`seed ${SEED}: killed after ${moments.join(', ')} ms of writing`));

  test('20 processes that open a fresh place at once all succeed', { timeout: TIMEOUT_MS }, async () => {
    const path = await aPlace();
    const writers = Array.from({ length: 20 }, (_, index) => aWriter(path, `p${index}`, 1));
    for (const writer of writers) await writer.ready;
    for (const writer of writers) writer.start();
    const ends = await Promise.all(writers.map((writer) => writer.ended));

    for (const end of ends) expect(end.code, end.stderr).toBe(0);
    const ledger = await openLedger(placeOf(path));
    onTestFinished(() => ledger.close());
    expect(await ledger.inspect()).toMatchObject({ schemaVersion: String(MIGRATIONS.length), problems: [] });
    expect(await ledger.receipts({})).toHaveLength(20);
    // Each claim of the one job that all wanted got a fence of its own.
    const raw = rawSql(path);
    expect(await raw(`select fence from jobs where identity like '%shared%'`)).toEqual([{ fence: 20 }]);
    expect(
      await raw(`select count(distinct number) as fences, count(*) as claims, count(outcome) as passed
        from attempts where job_key = (select job_key from jobs where identity like '%shared%')`),
    ).toEqual([{ fences: 20, claims: 20, passed: 19 }]);
  });

  test(
    'a killed writer loses nothing that was acknowledged, and the ledger opens',
    { timeout: TIMEOUT_MS },
    async () => {
      const path = await aPlace();
      let acknowledged = 0;
      for (let round = 0; round < KILLS; round++) {
        const writer = aWriter(path, `r${round}`, 100_000);
        await writer.ready;
        writer.start();
        const momentMs = Math.round(jitterOf(`${SEED}:${round}`) * 400);
        moments.push(String(momentMs));
        await new Promise((resolve) => setTimeout(resolve, momentMs));
        writer.kill();
        const { stdout } = await writer.ended;
        const steps = lastSteps(stdout);
        acknowledged += steps.size;
        await expectAcknowledged(path, steps);
      }
      expect(acknowledged).toBeGreaterThan(0);
    },
  );
}
