// A run under way that does badly: how many of its jobs give up, and whether anything comes of it at all. From a ledger alone.
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { agentLane } from '../../src/activities/lanes/lane-of.js';
import { lookAtBatch } from '../../src/alerts/look.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storedDefinition } from '../../src/batch/manifest.js';
import { AdapterError } from '../../src/contract/errors.js';
import { STOP_LOSS } from '../../src/contract/messages.js';
import type { WarnAt } from '../../src/contract/warn-at.js';
import { openLedger } from '../../src/ledger/open.js';
import { batchFile, JOBS_CSV, problemsOf } from './fixtures/batch/folder.js';
import {
  aPlace,
  by,
  claimed,
  collected,
  effectOf,
  failed,
  jobOf,
  keyOf,
  landed,
  NOBODY,
  openBatch,
  placeOf,
  startedSession,
  temporaryFolder,
} from './ledger-fixture.js';
import { aDefinition } from './definition-fixture.js';

const MINUTE = 60_000;
const START = Date.parse('2026-11-24T00:00:00Z');
const SLUGS = Array.from({ length: 200 }, (_, at) => `job-${at}`);

async function aRun(warnAt?: WarnAt) {
  const folder = temporaryFolder();
  let nowMs = START;
  const now = () => new Date(nowMs);
  const ledger = await openLedger({ ...placeOf(await aPlace()), now });
  onTestFinished(() => ledger.close());
  const artifacts = folderArtifactStore({ root: join(folder, 'artifacts') });
  const stored = aDefinition(folder, {
    agent: { use: 'command', command: ['true'], timeout: '30m' },
    alerts: [{ use: 'webhook', url: 'https://example.com' }],
    warnAt,
  });
  const definition = await storedDefinition(stored, artifacts);
  const id = `batch:nightly:${keyOf('batch')}`;
  const manifest = JSON.stringify({ definition, jobs: definition, count: SLUGS.length });
  await openBatch(ledger, SLUGS, { id, manifest });
  const waiting = [...SLUGS];
  const next = () => waiting.shift() ?? '';
  const look = async () => {
    await lookAtBatch(id, { ledger, artifacts, stateDir: folder, now });
    return (await ledger.alerts()).map(({ rule, state }) => `${rule} ${state}`);
  };
  return {
    ledger,
    id,
    look,
    definition: stored,
    pass: (ms: number) => void (nowMs += ms),
    /** So long after, somebody looks. */
    after: (ms: number) => {
      nowMs += ms;
      return look();
    },
    async done(jobs: number) {
      for (let at = 0; at < jobs; at++) {
        const slug = next();
        await claimed(ledger, slug, { by: by(id), effectKeys: [effectOf(slug).effectKey] });
        await landed(ledger, slug, { batchId: id });
      }
    },
    async parked(jobs: number) {
      for (let at = 0; at < jobs; at++) {
        const slug = next();
        await claimed(ledger, slug, { by: by(id) });
        const trouble = { state: 'parked', errorClass: 'rejected', message: 'too few words' } as const;
        await ledger.settleJob(jobOf(slug), trouble, by(id));
      }
    },
    async asked(jobs: number) {
      for (let at = 0; at < jobs; at++) {
        const slug = next();
        await claimed(ledger, slug, { by: by(id) });
        const { effectKey, name, target, use, revision } = effectOf(slug);
        const sent = { requestSha256: 'd'.repeat(64), artifact: 'a'.repeat(64), batchId: id };
        const request = { ...jobOf(slug), effectKey, name, target, use, revision, ...sent };
        await ledger.askApproval({ ...request, onTimeout: 'hold' }, by(id).batchId);
      }
    },
    /** A session that is under way. @returns ends it */
    async hung() {
      const slug = next();
      const claim = await claimed(ledger, slug, { by: by(id) });
      const session = await startedSession(ledger, slug, claim, { batchId: id });
      return (end: Parameters<typeof ledger.endSession>[1]) => ledger.endSession(session, end, claim.fence);
    },
    messages: async () => (await ledger.alertMessages()).map(({ kind }) => kind).reverse(),
  };
}

test('one job in twenty that gives up is told once, with why, while the run goes on', async () => {
  const run = await aRun();
  await run.parked(4);
  expect(await run.look(), 'four say nothing').toEqual([]);
  await run.done(96);
  await run.parked(1);
  expect(await run.look(), '5 of 101').toEqual([]);
  await run.parked(1);
  expect(await run.look(), '6 of 102').toEqual(['failing resolved']);
  const [{ detail } = { detail: undefined }] = await run.ledger.alerts();
  expect(detail).toMatchObject({
    headline:
      '6 of the 102 jobs that ended so far were parked or held, 6 with error class rejected; 98 of 200 jobs wait',
    jobs: 6,
    of: 200,
    next: [
      { command: expect.stringMatching(/^nightshift status nightly /) as string },
      { command: expect.stringMatching(/^nightshift pause nightly /) as string },
    ],
  });
  expect(detail?.examples).toHaveLength(3);
  await run.parked(30);
  await run.look();
  expect(await run.messages(), 'whatever becomes of it').toEqual(['opened']);
});

test('jobs that an earlier run has parked are none of this one, which tells for itself', async () => {
  const run = await aRun();
  await run.parked(20);
  await run.look();
  await run.ledger.setBatchState(run.id, 'incomplete', NOBODY);
  run.pass(MINUTE);
  const row = await run.ledger.batch(run.id);
  if (!row) throw new Error('the ledger has this batch');
  await run.ledger.openBatch({ ...row, runId: 'run-2', by: NOBODY });
  run.pass(MINUTE);
  await run.done(20);
  await run.look();
  expect(await run.messages()).toEqual(['opened']);
  await run.parked(5);
  await run.look();
  expect(await run.messages(), '5 of 25').toEqual(['opened', 'opened']);
});

test('the first that fail say nothing while the others still run, and what waits for a yes came out well', async () => {
  const run = await aRun();
  await run.parked(8);
  await run.asked(11);
  expect(await run.look(), '8 of 19').toEqual([]);
  await run.asked(142);
  expect(await run.look(), '8 of 161').not.toContain('failing resolved');
  await run.parked(1);
  expect(await run.look(), '9 of 162').toContain('failing resolved');
});

test('the share is that of the batch file; false never tells, and a stop-loss tells for itself', async () => {
  const half = await aRun({ parked: 0.5 });
  await half.done(10);
  await half.parked(9);
  expect(await half.look()).toEqual([]);
  await half.parked(1);
  expect(await half.look()).toEqual(['failing resolved']);
  const never = await aRun({ parked: false });
  await never.parked(20);
  expect(await never.look()).toEqual([]);
  const stopped = await aRun();
  await stopped.parked(10);
  await stopped.ledger.setBatchState(stopped.id, 'paused', STOP_LOSS, 'half of them fail');
  expect(await stopped.look()).toEqual(['stop-loss open']);
});

test('sessions that all hang are told when the time limit of a session is long over, and when something came of one', async () => {
  const run = await aRun();
  const ends = [await run.hung(), await run.hung()];
  expect(await run.after(44 * MINUTE), 'a session may take 30 minutes').toEqual([]);
  await ends[0]?.(failed({ errorClass: 'timeout' }));
  await run.hung();
  expect(await run.after(MINUTE), 'it was cancelled, and the next one hangs').toEqual(['standstill open']);
  const [{ detail } = { detail: undefined }] = await run.ledger.alerts();
  expect(detail?.headline).toBe(
    'nothing has come of any job for 45 min, since 2026-11-24T00:00:00.000Z, with 2 sessions and effects under way; 200 of 200 jobs are not finished',
  );
  expect(detail?.next.map(({ command }) => command.split(' ').slice(0, 2).join(' '))).toEqual([
    'nightshift status',
    'nightshift run',
  ]);
  expect(await run.after(MINUTE), 'still').toEqual(['standstill open']);
  run.pass(MINUTE);
  await ends[1]?.(collected());
  expect(await run.after(MINUTE)).toEqual(['standstill resolved']);
});

test('an agent whose output is refused moves, and a run with nothing under way does not stand still', async () => {
  const run = await aRun();
  expect(await run.after(60 * MINUTE), 'nothing is under way').toEqual([]);
  const end = await run.hung();
  await end(failed({ errorClass: 'rejected' }));
  await run.hung();
  expect(await run.after(44 * MINUTE)).toEqual([]);
  await run.done(1);
  expect(await run.after(44 * MINUTE)).toEqual([]);
  expect(await run.after(MINUTE)).toEqual(['standstill open']);
});

test('a pause is no standstill, nor is a service that is closed', async () => {
  const run = await aRun();
  await run.hung();
  await run.ledger.placeHold({ kind: 'all' }, 'freeze', 'ann');
  expect(await run.after(60 * MINUTE)).toEqual([]);
  await run.ledger.liftHold({ kind: 'all' }, 'ann');
  expect(await run.after(44 * MINUTE), 'counts from its end').toEqual([]);
  const deps = { ledger: run.ledger };
  const lane = agentLane(run.definition, { key: keyOf('job-0'), batchId: run.id }, deps);
  await lane.report(new AdapterError('exhausted', '429', { retryAfterMs: 20 * MINUTE }));
  expect(await run.after(10 * MINUTE)).toEqual([]);
  await run.ledger.resetLane((await run.ledger.lanes())[0]?.id ?? '', 'ann');
  expect(await run.look()).toEqual(['standstill open']);
});

test('a service that was closed, and that nobody has asked since it may be asked again, hides no standstill', async () => {
  const run = await aRun();
  const deps = { ledger: run.ledger };
  const lane = agentLane(run.definition, { key: keyOf('job-0'), batchId: run.id }, deps);
  await lane.report(new AdapterError('exhausted', '429', { retryAfterMs: 20 * MINUTE }));
  await run.hung();
  expect(await run.after(44 * MINUTE)).toEqual([]);
  expect(await run.after(MINUTE)).toEqual(['standstill open']);
});

test('a long wait with nothing under way is no standstill: it counts from what began after it', async () => {
  const run = await aRun();
  await run.done(1);
  run.pass(6 * 60 * MINUTE); // as for a quota that was waited for, a budget of a day, a worker
  const end = await run.hung();
  await run.hung();
  expect(await run.after(MINUTE)).toEqual([]);
  run.pass(29 * MINUTE);
  await end(failed({ errorClass: 'timeout' }));
  await run.hung();
  expect(await run.after(14 * MINUTE)).toEqual([]);
  expect(await run.after(MINUTE), 'sessions that run out of time are none that begin anew').toEqual([
    'standstill open',
  ]);
  const [{ detail } = { detail: undefined }] = await run.ledger.alerts();
  expect(detail?.headline).toContain('for 45 min, since 2026-11-24T06:00:00.000Z');
});

test('how long is that of the batch file; false never tells', async () => {
  const run = await aRun({ standstill: '2h' });
  await run.hung();
  expect(await run.after(119 * MINUTE)).toEqual([]);
  expect(await run.after(MINUTE)).toEqual(['standstill open']);
  await run.ledger.setBatchState(run.id, 'incomplete', NOBODY);
  expect(await run.look(), 'its end is no recovery').toEqual(['incomplete open', 'standstill resolved']);
  expect(await run.messages()).not.toContain('recovered');
  const never = await aRun({ standstill: false });
  await never.hung();
  expect(await never.after(48 * 60 * MINUTE)).toEqual([]);
});

test.each([
  ['{ parked: 5 }', /warnAt\.parked/],
  ['{ standstill: soon }', /warnAt\.standstill/],
  ['0.1', /warnAt must be an object, not the number 0\.1/],
])('warnAt: %s is refused', async (value, said) => {
  const [problem] = await problemsOf({ 'night.yaml': batchFile({ warnAt: value }), 'jobs.csv': JOBS_CSV });
  expect(problem).toMatch(said);
});
