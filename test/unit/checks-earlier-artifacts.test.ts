// Which artifacts a new one is compared with: those of other jobs of the same work, newest first.
import { expect, onTestFinished, test } from 'vitest';
import { earlierArtifacts } from '../../src/ledger/earlier-artifacts.js';
import { openSqlite } from '../../src/ledger/dialect-sqlite.js';
import {
  aLedger,
  by,
  claimed,
  collected,
  failed,
  identityOf,
  jobOf,
  keyOf,
  openBatch,
  startedSession,
} from './ledger-fixture.js';

async function aNight() {
  const { ledger, path } = await aLedger();
  const dialect = await openSqlite(path);
  onTestFinished(() => dialect.db.destroy());
  await openBatch(ledger, ['one', 'two', 'three']);
  const make = async (slug: string, end: Parameters<typeof ledger.endSession>[1]) => {
    const claim = await claimed(ledger, slug, { by: by() });
    await ledger.endSession(await startedSession(ledger, slug, claim), end, claim.fence);
    await new Promise((resolve) => setTimeout(resolve, 5)); // times in the ledger are whole milliseconds
  };
  return { make, earlier: (slug: string, limit = 10) => earlierArtifacts(dialect.db, jobOf(slug), limit) };
}

test('newest first, the job itself left out, never more than asked for', async () => {
  const { make, earlier } = await aNight();
  await make('one', collected(0, '1'.repeat(64)));
  await make('two', collected(0, '2'.repeat(64)));
  await make('three', collected(0, '3'.repeat(64)));

  expect((await earlier('four')).map(({ jobKey }) => jobKey)).toEqual(['three', 'two', 'one'].map(keyOf));
  expect(await earlier('three', 1)).toEqual([
    {
      jobKey: keyOf('two'),
      identity: identityOf('two'),
      artifact: { sha256: '2'.repeat(64), bytes: 3 },
    },
  ]);
});

test('what failed its checks is not compared with, nor jobs of another work', async () => {
  const { make, earlier } = await aNight();
  await make('one', failed({ artifact: { sha256: '1'.repeat(64), bytes: 3 } }));
  await make('two', collected());
  expect((await earlier('three')).map(({ jobKey }) => jobKey)).toEqual([keyOf('two')]);
});
