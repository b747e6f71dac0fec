// What a list of jobs has become: compared with the runs of its name in a real ledger.
import { expect, test } from 'vitest';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storeManifest } from '../../src/batch/manifest.js';
import type { Batch } from '../../src/batch/read-batch.js';
import { earlierLines } from '../../src/cli/earlier-lines.js';
import type { Interrupts } from '../../src/cli/interrupts.js';
import { list } from '../../src/cli/list.js';
import type { Output } from '../../src/cli/output.js';
import { Shell } from '../../src/cli/shell.js';
import { asTheEngineHasThem, earlierLists } from '../../src/client/earlier-lists.js';
import type { Nightshift } from '../../src/client/nightshift.js';
import type { EarlierList } from '../../src/contract/result.js';
import { batchKey, jobKey } from '../../src/identity/keys.js';
import { batchWorkflowId } from '../../src/identity/workflow-ids.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { localTime } from '../../src/report/format.js';
import { rendered, type Line } from '../../src/report/line.js';
import { aLedger, claimed, keyOf, landed, NOBODY, temporaryFolder, WORK } from './ledger-fixture.js';

const NAME = 'nightly';

function aBatch(slugs: readonly string[], edition?: string): Batch {
  const jobs = slugs.map((slug) => {
    const identity = { site: 'blog', category: 'a', slug, ...(edition !== undefined && { edition }) };
    return { key: jobKey(identity), identity, input: {}, revision: 1, fingerprint: 'f'.repeat(64) };
  });
  const key = batchKey({ name: NAME, jobKeys: jobs.map((job) => job.key) });
  const workflowId = batchWorkflowId({ name: NAME, batchKey: key });
  return { definition: { name: NAME, work: WORK }, jobs, key, workflowId } as unknown as Batch;
}

async function aNight() {
  const { ledger } = await aLedger();
  const artifacts = folderArtifactStore({ root: temporaryFolder() });
  const connections = { ledger: async () => ledger, artifacts };
  let runs = 0;
  return {
    ledger,
    lists: (batch: Batch) => earlierLists(batch, connections),
    /** As far as the starter brings it; a worker then writes its jobs down. */
    open: async ({ jobs, key, workflowId, definition }: Batch, isSeen = true) => {
      const manifest = JSON.stringify(await storeManifest({ definition, jobs }, artifacts));
      const run = { id: workflowId, name: NAME, key, work: WORK, runId: `run-${++runs}`, by: NOBODY };
      await ledger.openBatch({ ...run, manifest, jobs: jobs.length, currency: 'EUR' });
      const members = jobs.map((job) => ({ ...job, work: WORK, jobKey: job.key, verdict: 'new' as const }));
      if (isSeen) await ledger.setMembers(workflowId, members);
    },
    close: ({ workflowId }: Batch) => ledger.setBatchState(workflowId, 'incomplete', NOBODY),
  };
}

const slugsOf = (lists: readonly EarlierList[]) =>
  lists.map(({ underWay, added, gone }) => ({
    underWay,
    added,
    gone: gone.map(({ identity, state }) => `${identity['slug']} ${state}`),
  }));

const before = aBatch(['one', 'two', 'three']);
const edited = aBatch(['one', 'two', 'four']);

test('what is gone from an edited list is named, with whether its run goes on without it', async () => {
  const { open, close, lists, ledger } = await aNight();
  expect(await lists(before)).toEqual([]);
  await open(before);
  await claimed(ledger, 'one');
  expect(await lists(before), 'the same list').toEqual([]);
  const change = { added: 1, gone: ['three waiting'] };
  expect(slugsOf(await lists(edited))).toEqual([{ underWay: true, ...change }]);
  await close(before);
  const [told] = await lists(edited);
  expect(told).toMatchObject({ workflowId: before.workflowId, underWay: false });
  expect(slugsOf(await lists(edited))).toEqual([{ underWay: false, ...change }]);
});

test('what is done stays done, and is told as that', async () => {
  const { open, close, lists, ledger } = await aNight();
  await open(before);
  await claimed(ledger, 'three');
  await landed(ledger, 'three');
  await close(before);
  expect(slugsOf(await lists(edited))).toEqual([{ underWay: false, added: 1, gone: ['three done'] }]);
});

test('a list is compared with the newest one, and with each whose run is still under way', async () => {
  const { open, close, lists } = await aNight();
  await open(before);
  const between = aBatch(['one']);
  await open(between);
  await close(between);
  await open(edited);
  expect(slugsOf(await lists(edited)), 'it is the newest itself').toEqual([
    { underWay: true, added: 1, gone: ['three waiting'] },
  ]);
  expect((await lists(before)).map(({ workflowId }) => workflowId)).toEqual([edited.workflowId]);
  await close(before);
  expect(await lists(edited)).toEqual([]);
});

test('each edition has its own list', async () => {
  const { open, lists } = await aNight();
  await open(aBatch(['one', 'two'], '2026-11-28'));
  expect(await lists(aBatch(['one', 'two'], '2026-11-29'))).toEqual([]);
  await open(aBatch(['one'], '2026-11-29'));
  const lastNight = await lists(aBatch(['one', 'three'], '2026-11-28'));
  expect(slugsOf(lastNight)).toEqual([{ underWay: true, added: 1, gone: ['two waiting'] }]);
});

test('a run that no worker has opened yet is known by what it was started with', async () => {
  const { open, lists } = await aNight();
  await open(aBatch(['one', 'two'], '2026-11-28'), false);
  expect(await lists(aBatch(['one'], '2026-11-29'))).toEqual([]);
  const sameNight = await lists(aBatch(['one'], '2026-11-28'));
  expect(slugsOf(sameNight)).toEqual([{ underWay: true, added: 0, gone: ['two waiting'] }]);
});

test('a run that was terminated is not told of as being under way', async () => {
  const { open, lists } = await aNight();
  await open(before);
  const client = (status: string) => ({
    client: async () =>
      ({
        workflow: { getHandle: () => ({ describe: async () => ({ status: { name: status }, runId: 'r' }) }) },
      }) as never,
  });
  const found = await lists(edited);
  expect((await asTheEngineHasThem(found, client('RUNNING')))[0]?.underWay).toBe(true);
  expect((await asTheEngineHasThem(found, client('TERMINATED')))[0]?.underWay).toBe(false);
});

const shellOn = (out: Partial<Output> = {}) => new Shell({ color: false }, out as Output, {} as Interrupts);

test('it is said in one line, with the command that ends the earlier run', () => {
  const openedAt = '2026-11-28T23:00:00.000Z';
  const gone = (slug: string, state: 'done' | 'parked') => ({ key: keyOf(slug), identity: { slug }, state });
  const of = (more: Partial<EarlierList>): EarlierList => ({
    ...{ workflowId: before.workflowId, openedAt, underWay: false, added: 1, gone: [] },
    ...more,
  });
  const [closed, running, long] = earlierLines(
    [
      of({ gone: [gone('one', 'done'), gone('two', 'parked')] }),
      of({ underWay: true }),
      of({ added: 0, gone: Array.from({ length: 9 }, (_, at) => gone(`job-${at}`, 'done')) }),
    ],
    shellOn(),
  );
  const since = `the list has changed since the run of ${localTime(openedAt)}: `;
  expect(closed).toBe(`${since}1 job added, 2 jobs gone: two (parked), one`);
  expect(running).toBe(
    `${since}1 job added; that run is still under way and goes on with its own list; end it: nightshift cancel ${before.workflowId}`,
  );
  expect(long).toBe(`${since}9 jobs gone: job-0, job-1, job-2, job-3, job-4 and 4 more`);
});

test('the list of batches names those by their ID that their name does not mean', async () => {
  const { open, ledger } = await aNight();
  await open(before);
  await open(aBatch(['one'], '2026-11-28'));
  await open(edited);
  const lines = await listed(ledger);
  expect(lines.filter((line) => line.includes('batch:'))).toHaveLength(1);
  expect(lines.at(-1)).toContain(before.workflowId);
});

async function listed(ledger: Ledger): Promise<string[]> {
  const lines: string[] = [];
  const shell = shellOn({
    results: (all: readonly Line[]) => void lines.push(...all.map((line) => rendered(line))),
  });
  const nightshift = { list: () => ledger.batches(), holds: async () => [] } as unknown as Nightshift;
  shell.nightshift = async () => nightshift;
  await list({ limit: 20 }, shell);
  return lines;
}
