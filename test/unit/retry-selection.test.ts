// Which parked jobs a retry takes: as the ledger decides it, and as a person and a program are shown it before.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storeManifest } from '../../src/batch/manifest.js';
import { retry, type RetryFlags } from '../../src/cli/retry.js';
import { createNightshift, type Nightshift } from '../../src/client/nightshift.js';
import { statePaths } from '../../src/config.js';
import { UsageError, type ErrorClass } from '../../src/contract/errors.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import {
  aLedger,
  BATCH,
  by,
  claimed,
  FINGERPRINT,
  identityOf,
  jobOf,
  keyOf,
  member,
  NOBODY,
  openBatch,
  rawSql,
  stateOf,
  temporaryFolder,
  WORK,
} from './ledger-fixture.js';
import { aShell } from './shell-fixture.js';
import { aDefinition } from './definition-fixture.js';

type Stopped = readonly [slug: string, by: ErrorClass, state?: 'held'];

/** Jobs of one batch, in this order, each parked (or held) by an error. */
async function aNight(ledger: Ledger, jobs: readonly Stopped[]) {
  for (const [slug, errorClass, state = 'parked'] of jobs) {
    await claimed(ledger, slug);
    await ledger.settleJob(jobOf(slug), { state, errorClass, message: `${slug} went wrong` }, by());
  }
  await openBatch(
    ledger,
    jobs.map(([slug]) => slug),
  );
}

const NIGHT: readonly Stopped[] = [
  ['a', 'timeout'],
  ['b', 'rejected'],
  ['c', 'timeout'],
  ['d', 'lost'],
  ['e', 'timeout'],
  ['f', 'timeout', 'held'],
];

describe('a selection', () => {
  const keysOf = (...slugs: string[]) => slugs.map(keyOf);
  const cases = [
    ['nothing given: the parked, in the order of the batch', {}, keysOf('a', 'b', 'c', 'd', 'e')],
    ['classes', { errors: ['timeout', 'lost'] }, keysOf('a', 'c', 'd', 'e')],
    ['the first', { first: 2 }, keysOf('a', 'b')],
    ['the first of a class', { errors: ['timeout'], first: 2 }, keysOf('a', 'c')],
    ['keys, also of a held job', { keys: keysOf('f', 'b') }, keysOf('b', 'f')],
    ['keys of a class', { keys: keysOf('f', 'b'), errors: ['rejected'] }, keysOf('b')],
    ['what nothing fits', { errors: ['budget'] }, keysOf()],
    ['no key at all', { keys: [] }, keysOf()],
  ] as const;
  test.each(cases)('is shown as it is then taken: %s', async (_, selection, keys) => {
    const { ledger } = await aLedger();
    await aNight(ledger, NIGHT);
    const head = await ledger.head();
    expect((await ledger.stopped(BATCH, selection)).map(({ key }) => key)).toEqual(keys);
    expect(await ledger.head(), 'a look changes nothing').toBe(head);
    expect(await ledger.requeue(BATCH, NOBODY, selection)).toEqual(keys);
    for (const [slug, , state = 'parked'] of NIGHT) {
      expect(await stateOf(ledger, slug)).toBe(keys.includes(keyOf(slug)) ? 'waiting' : state);
    }
  });

  test('of more jobs than one transaction takes is requeued whole, and by stages without a gap', async () => {
    const { ledger, path } = await aLedger();
    await aNight(ledger, [['template', 'timeout']]);
    const count = 1100;
    const sql = rawSql(path);
    const columns = (await sql('select name from pragma_table_info(?)', 'jobs')).map(({ name }) =>
      String(name),
    );
    await sql(
      `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count}) insert into jobs ` +
        `select ${columns.map((name) => (name === 'job_key' ? "printf('%032d', i)" : name)).join(', ')} from jobs, n`,
    );
    const keys = Array.from({ length: count }, (_, at) => String(at + 1).padStart(32, '0'));
    await ledger.setMembers(
      BATCH,
      keys.map((jobKey) => member('template', { jobKey })),
    );
    expect(await ledger.requeue(BATCH, NOBODY, { first: 50 })).toEqual(keys.slice(0, 50));
    expect(await ledger.requeue(BATCH, NOBODY, { first: 1000 })).toEqual(keys.slice(50, 1050));
    expect(await ledger.requeue(BATCH, NOBODY)).toEqual(keys.slice(1050));
    expect(await ledger.stopped(BATCH)).toEqual([]);
  });
});

describe('retry --list', () => {
  async function listed(flags: RetryFlags, json = false, name: string | undefined = 'nightly') {
    const state = temporaryFolder();
    const ledger = await openLedger({ path: join(state, 'ledger.db') });
    await aNight(ledger, NIGHT);
    await openBatch(ledger, ['a', 'b'], { id: 'batch:weekly:1', name: 'weekly' }); // later, of jobs of the other
    const head = await ledger.head();
    const { shell, out } = aShell({ state, json, color: false });
    onTestFinished(() => ledger.close());
    const code = await retry(name === '' ? undefined : name, { list: true, ...flags }, shell);
    expect(await ledger.head(), 'nothing has changed').toBe(head);
    return { code, out: out() };
  }

  test('shows what would run again, by what stopped it, the most frequent first', async () => {
    const { code, out } = await listed({});
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toBe('5 jobs of nightly would run again with a fresh budget; nothing was changed');
    expect(lines.filter((line) => /^\w+: \d/.test(line))).toEqual([
      'timeout: 3 jobs',
      'rejected: 1 job',
      'lost: 1 job',
    ]);
    expect(out).toContain(`  parked blog / a / d  ${keyOf('d')}  d went wrong`);
    expect(out).not.toContain(keyOf('f'));
  });

  test('says of a rate when the last of them can begin, and refuses what is none', async () => {
    expect((await listed({ all: true, rate: '2/m' })).out.split('\n')[0]).toBe(
      '5 jobs of nightly would run again with a fresh budget, the last of them after 2 min at the soonest; nothing was changed',
    );
    for (const rate of ['40', '0/m', '40/d', '1.5/s'])
      await expect(listed({ rate })).rejects.toThrow(/such as 40\/m, not/);
  });

  test('refuses all together with some', async () => {
    await expect(listed({ all: true, error: ['timeout'], first: 2 })).rejects.toThrow(
      'either --all, or what is meant of them (timeout, the first 2), not both',
    );
  });

  test('is one document for programs', async () => {
    const { out } = await listed({ error: ['timeout'], first: 2 }, true);
    expect(JSON.parse(out)).toMatchObject({
      batch: 'nightly',
      count: 2,
      errors: [{ class: 'timeout', jobs: 2 }],
      jobs: [
        { key: keyOf('a'), state: 'parked', error: { class: 'timeout', message: 'a went wrong' } },
        { key: keyOf('c') },
      ],
    });
  });

  test('without a name shows those of many batches, each job once, with the batch opened last', async () => {
    const document = async (flags: RetryFlags) => {
      const { batches } = JSON.parse((await listed(flags, true, '')).out) as {
        batches: { batch: string; jobs: { key: string }[] }[];
      };
      return batches.map(({ batch, jobs }) => [batch, jobs.map(({ key }) => key)]);
    };
    const weekly = ['batch:weekly:1', [keyOf('a'), keyOf('b')]];
    expect(await document({ all: true })).toEqual([weekly, [BATCH, [keyOf('c'), keyOf('d'), keyOf('e')]]]);
    expect(await document({ work: 'article', first: 3 })).toEqual([weekly, [BATCH, [keyOf('c')]]]);
    expect(await document({ all: true, error: ['lost'] })).toEqual([[BATCH, [keyOf('d')]]]);
    expect((await listed({ work: 'article' }, false, '')).out.split('\n')[0]).toBe(
      '2 jobs of weekly would run again with a fresh budget; nothing was changed',
    );
  });

  test('refuses what can’t be meant of many batches, and a name beside them', async () => {
    await expect(listed({ all: true, job: [keyOf('a')] }, false, '')).rejects.toThrow(
      '--job goes with the name',
    );
    await expect(listed({ all: true, rate: '2/m' }, false, '')).rejects.toThrow('--rate is of one batch');
    await expect(listed({ work: 'artcile' }, false, '')).rejects.toThrow('did you mean "article"?');
    await expect(listed({ work: 'article' })).rejects.toThrow('what is meant?');
    await expect(listed({}, false, '')).rejects.toThrow('what is meant?');
  });

  test('says so where nothing fits', async () => {
    expect((await listed({ error: ['budget', 'lost'], job: [keyOf('a')] })).out).toBe(
      'no parked job of nightly is meant by: 1 job named, budget or lost\n',
    );
  });

  test('refuses what is no error class, and names those there are', async () => {
    await expect(listed({ error: ['timeouts'] })).rejects.toThrow(
      /"timeouts" is no error class; there are: transient, .*timeout/,
    );
  });
});

describe('what a retry goes on with beside the jobs that it means', () => {
  async function aNightThatEnded(state: 'incomplete' | 'running') {
    const folder = temporaryFolder();
    const ledger = await openLedger({ path: join(folder, 'ledger.db') });
    onTestFinished(() => ledger.close());
    const slugs = ['a', 'b', 'c'];
    await aNight(ledger, [['a', 'timeout']]);
    const jobs = slugs.map((slug) => ({
      ...{ key: keyOf(slug), identity: identityOf(slug), input: {}, revision: 1, fingerprint: FINGERPRINT },
      ...{ file: 'jobs.csv', line: 1 },
    }));
    const artifacts = folderArtifactStore({ root: statePaths(folder).artifacts });
    const stored = await storeManifest({ definition: aDefinition(folder, { work: WORK }), jobs }, artifacts);
    await openBatch(ledger, slugs, { runId: 'run-2', manifest: JSON.stringify(stored) });
    if (state !== 'running') await ledger.setBatchState(BATCH, state, NOBODY);
    const nightshift = createNightshift({ state: folder });
    onTestFinished(() => nightshift.close());
    return { ledger, nightshift, folder };
  }

  test('all that is unfinished, and was never chosen', async () => {
    const { nightshift, ledger } = await aNightThatEnded('incomplete');
    const also = [
      { key: keyOf('b'), identity: identityOf('b') },
      { key: keyOf('c'), identity: identityOf('c') },
    ];
    const head = await ledger.head();
    expect(await nightshift.alsoRuns('nightly', { keys: [keyOf('a')] })).toEqual(also);
    expect(await nightshift.alsoRuns('nightly')).toEqual(also);
    expect(await nightshift.toRetryAll({ kind: 'all' })).toMatchObject([
      { jobs: [{ key: keyOf('a') }], also },
    ]);
    expect(await nightshift.alsoRuns('nightly', { errors: ['lost'] }), 'nothing would be started').toEqual(
      [],
    );
    expect(await ledger.head(), 'a look changes nothing').toBe(head);
  });

  test('of many batches all that is unfinished, also where no job is parked, as after an outage', async () => {
    const { nightshift, ledger } = await aNightThatEnded('incomplete');
    await claimed(ledger, 'b');
    await ledger.settleJob(jobOf('b'), { state: 'gated', errorClass: 'exhausted', message: 'down' }, by());
    await ledger.requeue(BATCH, NOBODY);
    const also = ['a', 'b', 'c'].map((slug) => ({ key: keyOf(slug), identity: identityOf(slug) }));
    const all = { kind: 'all' } as const;
    expect(await nightshift.toRetryAll(all)).toMatchObject([{ batch: { id: BATCH }, jobs: [], also }]);
    for (const narrower of [{ errors: ['exhausted'] as const }, { first: 3 }]) {
      expect(await nightshift.toRetryAll(all, narrower)).toEqual([]);
    }
  });

  test('of many batches none that somebody cancelled, and no list that a newer one has replaced', async () => {
    const { nightshift, ledger } = await aNightThatEnded('incomplete');
    const manifest = (await ledger.batch(BATCH))?.manifest ?? '';
    const meant = async () => (await nightshift.toRetryAll({ kind: 'all' })).map(({ batch }) => batch.id);
    expect(await meant()).toEqual([BATCH]);
    await openBatch(ledger, ['b'], { id: 'batch:nightly:2', manifest });
    await ledger.setBatchState('batch:nightly:2', 'incomplete', NOBODY);
    expect(await meant(), 'the older list has parked jobs').toEqual(['batch:nightly:2']);
    await openBatch(ledger, ['b'], { id: 'batch:nightly:2', manifest, runId: 'run-2' });
    await ledger.setBatchState('batch:nightly:2', 'cancelled', NOBODY);
    expect(await meant()).toEqual([]);
  });

  test('nothing where a run of the batch has it in hand already', async () => {
    const { nightshift } = await aNightThatEnded('running');
    expect(await nightshift.alsoRuns('nightly', { keys: [keyOf('a')] })).toEqual([]);
  });

  test('nothing is said where the list of jobs is lost', async () => {
    const { nightshift, folder } = await aNightThatEnded('incomplete');
    rmSync(statePaths(folder).artifacts, { recursive: true });
    expect(await nightshift.alsoRuns('nightly')).toEqual([]);
  });
});

test('the library refuses what no command line lets through', async () => {
  const state = temporaryFolder();
  const ledger = await openLedger({ path: join(state, 'ledger.db') });
  await openBatch(ledger, []);
  await ledger.close();
  const nightshift = createNightshift({ state });
  onTestFinished(() => nightshift.close());
  for (const first of [0, -1, 1.5, Number.NaN]) {
    await expect(nightshift.retry('nightly', { first })).rejects.toThrow(UsageError);
  }
  await expect(nightshift.retry('nightly', {}, 'quota raised', 'fast')).rejects.toThrow(UsageError);
  const wrong = { errors: ['nonsense' as ErrorClass] };
  await expect(nightshift.toRetry('nightly', wrong)).rejects.toThrow(/no error class; there are: transient/);
});

test.each([
  ['left to itself', { detach: true }],
  ['watched to its end', {}],
])(
  'with --json, the document of a retry that is %s has what its start goes on with besides',
  async (_, flags) => {
    const also = [{ key: keyOf('three'), identity: identityOf('three') }];
    const batch = { name: 'nightly', key: 'k', workflowId: BATCH, runId: 'run-2' };
    const started = { ...batch, how: 'started', earlier: [] };
    const nightshift = {
      retry: async () => ({ keys: [keyOf('one')], also, started }),
      isWorkerAlive: async () => true,
      wordsFor: async () => ['nightly'],
      watch: async () => ({ batch: { ...batch, result: 'completed' }, jobs: [] }),
    };
    const { shell, out } = aShell({ json: true, color: false });
    shell.nightshift = async () => nightshift as unknown as Nightshift;
    await retry('nightly', flags, shell);
    expect(JSON.parse(out())).toMatchObject({ batch, also });
  },
);
