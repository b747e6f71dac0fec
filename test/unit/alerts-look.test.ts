// What a look at a batch makes of its alerts, from a ledger alone.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { agentLane } from '../../src/activities/lanes/lane-of.js';
import { lookAtBatch } from '../../src/alerts/look.js';
import { remind } from '../../src/alerts/remind.js';
import { artifactFile, folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { readDefinition, storedDefinition } from '../../src/batch/manifest.js';
import type { Connections } from '../../src/client/connections.js';
import { batchStatus } from '../../src/client/status.js';
import { batchFileSchema } from '../../src/contract/batch-file.js';
import { AdapterError } from '../../src/contract/errors.js';
import { readManifestRef } from '../../src/contract/manifest-ref.js';
import { STOP_LOSS } from '../../src/contract/messages.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { stoppedByArtifacts } from '../../src/policy/own-artifacts.js';
import { rendered } from '../../src/report/line.js';
import { makeReport } from '../../src/report/morning/make-report.js';
import { reportLines } from '../../src/report/morning/terminal.js';
import { waitsText } from '../../src/report/waits-text.js';
import {
  by,
  claimed,
  collected,
  effectOf,
  identityOf,
  jobOf,
  keyOf,
  landed,
  member,
  openBatch,
  PARKED,
  startedSession,
  temporaryFolder,
  NOBODY,
} from './ledger-fixture.js';

let folder: string;
let ledger: Ledger;
let nowMs: number;
/** No two things happen at once. */
const now = () => new Date(++nowMs);
const artifacts = () => folderArtifactStore({ root: join(folder, 'artifacts') });
const look = (batchId: string) =>
  lookAtBatch(batchId, { ledger, artifacts: artifacts(), stateDir: folder, now });

beforeEach(async () => {
  folder = temporaryFolder();
  nowMs = Date.parse('2026-11-24T01:00:00Z');
  ledger = await openLedger({ path: join(folder, 'ledger.db'), now });
  const opened = ledger;
  onTestFinished(() => opened.close());
});

/** A batch under way, and the ID that it has. */
async function aBatch(slugs: readonly string[], edition?: string, program = 'true'): Promise<string> {
  const { jobs: _, ...file } = batchFileSchema.parse({
    name: 'nightly',
    work: 'article',
    jobs: [],
    agent: { use: 'command', command: [program] },
    effects: [{ name: 'post', use: 'folder', target: './public', approval: 'required' }],
    alerts: [{ use: 'webhook', url: 'https://example.com' }],
  });
  const definition = await storedDefinition({ ...file, baseDir: folder }, artifacts());
  const key = keyOf(slugs.join());
  const id = `batch:nightly:${key}`;
  const manifest = JSON.stringify({ definition, jobs: definition, count: slugs.length });
  await openBatch(ledger, slugs, { id, runId: `run-${key}`, manifest });
  if (edition !== undefined)
    await ledger.setMembers(
      id,
      slugs.map((slug) => member(slug, { identity: { ...identityOf(slug), edition } })),
    );
  return id;
}

/** The run ends with this job parked. */
async function endsParked(batchId: string, slug: string): Promise<void> {
  await claimed(ledger, slug, { by: by(batchId) });
  await ledger.settleJob(jobOf(slug), PARKED, by(batchId));
  await ledger.setBatchState(batchId, 'incomplete', batchId);
  await look(batchId);
}

const nextCommands = async () =>
  (await ledger.alerts({ open: true })).flatMap(({ detail }) => detail.next.map(({ command }) => command));

test('the commands of an alert mean its own night: by its edition, or by its ID where it has none', async () => {
  await endsParked(await aBatch(['one'], '2026-11-01'), 'one');
  expect(await nextCommands()).toEqual([
    `nightshift status nightly --edition 2026-11-01 --state ${folder}`,
    `nightshift retry nightly --edition 2026-11-01 --state ${folder}`,
  ]);
});

/** A retry of it has begun, and has this job in hand. */
async function takenUp(batchId: string, slug: string): Promise<void> {
  const row = await ledger.batch(batchId);
  if (!row) throw new Error(`no batch ${batchId}`);
  await ledger.openBatch({ ...row, runId: `${row.runId}-again`, by: NOBODY });
  await ledger.requeue(batchId, 'ann', { keys: [keyOf(slug)] });
  await claimed(ledger, slug, { by: by(batchId) });
}

async function retried(batchId: string, slug: string): Promise<void> {
  await takenUp(batchId, slug);
  await landed(ledger, slug, { batchId });
  await ledger.setBatchState(batchId, 'completed', batchId);
  await look(batchId);
}

test('an alert about jobs stays until those of every night are seen to, and names the nights that are left', async () => {
  const [first, second] = [await aBatch(['one'], '2026-11-01'), await aBatch(['two'], '2026-11-02')];
  await endsParked(first, 'one');
  await endsParked(second, 'two');
  const [both] = await ledger.alerts({ open: true });
  expect(both?.detail).toMatchObject({
    jobs: 2,
    of: 2,
    examples: [{ key: keyOf('two') }, { key: keyOf('one') }],
  });
  expect(both?.detail.next.map(({ what, command }) => [what, command])).toEqual([
    ['see all of them', `nightshift status nightly --edition 2026-11-02 --state ${folder}`],
    ['give them a new budget and go on', `nightshift retry nightly --edition 2026-11-02 --state ${folder}`],
    ['of 2026-11-01: see all of them', `nightshift status nightly --edition 2026-11-01 --state ${folder}`],
    [
      'of 2026-11-01: give them a new budget and go on',
      `nightshift retry nightly --edition 2026-11-01 --state ${folder}`,
    ],
  ]);

  await retried(second, 'two');
  const [left] = await ledger.alerts({ open: true });
  expect(left, 'the first night has its job parked still').toMatchObject({
    rule: 'parked',
    batchId: first,
    detail: { jobs: 1, examples: [{ key: keyOf('one') }] },
  });
  expect(await nextCommands()).toEqual([
    `nightshift status nightly --edition 2026-11-01 --state ${folder}`,
    `nightshift retry nightly --edition 2026-11-01 --state ${folder}`,
  ]);
  expect((await ledger.alertMessages()).map(({ kind }) => kind)).toEqual(['opened']);

  await retried(first, 'one');
  expect(await openAlerts()).toEqual([]);
});

test('a job in two lists of one name is one job of the alert', async () => {
  await endsParked(await aBatch(['one']), 'one');
  await endsParked(await aBatch(['one', 'two']), 'two');
  expect(await ledger.alerts({ open: true })).toMatchObject([{ detail: { jobs: 2, of: 2 } }]);
});

test('the commands of an alert about one list of several mean that list', async () => {
  await aBatch(['one']);
  const second = await aBatch(['two']);
  await endsParked(second, 'two');
  expect(await nextCommands()).toEqual([
    `nightshift status ${second} --state ${folder}`,
    `nightshift retry ${second} --state ${folder}`,
  ]);
});

async function asksFor(batchId: string, slug: string, timeoutMs?: number): Promise<void> {
  const claim = await claimed(ledger, slug, { by: by(batchId) });
  const session = await startedSession(ledger, slug, claim, { batchId });
  await ledger.endSession(session, collected(), claim.fence);
  await asksOn(batchId, slug, timeoutMs);
}

/** As its job does when the time for an answer is over. */
async function asksOn(batchId: string, slug: string, timeoutMs?: number): Promise<void> {
  const request = { ...effectOf(slug), ...jobOf(slug), requestSha256: 'd'.repeat(64), batchId };
  await ledger.askApproval(
    {
      ...request,
      artifact: 'a'.repeat(64),
      onTimeout: 'hold',
      ...(timeoutMs !== undefined && { timeoutMs }),
    },
    NOBODY,
  );
}

async function answer(slug: string): Promise<void> {
  const [approval] = (await ledger.approvals()).filter(({ jobKey }) => jobKey === keyOf(slug));
  if (!approval) throw new Error(`${slug} asks for nothing`);
  await ledger.decideApproval(approval, 'approved', 'ann', '');
}

const kinds = async () => (await ledger.alertMessages()).map(({ kind }) => kind).sort();

/** All messages have gone out, so reminders count from now. */
async function allSent(): Promise<void> {
  for (let message; (message = await ledger.takeMessage(60_000));)
    await ledger.settleMessage(message.id, { kind: 'sent', answers: [] });
}

const remindOfAll = () => remind({ ledger, artifacts: artifacts(), stateDir: folder, now });

const openAlerts = async () => (await ledger.alerts({ open: true })).map(({ rule }) => rule);

const HOUR = 60 * 60_000;

/** What has been sent by looks at all of these, each twice. */
async function sentByLooks(...batchIds: readonly string[]): Promise<string[]> {
  for (const batchId of [...batchIds, ...batchIds]) await look(batchId);
  const sent = (await ledger.alertMessages({ states: ['pending'] })).map(({ kind }) => kind);
  await allSent();
  return sent;
}

test('a question with a time limit is told at once though an older night has left one unanswered, and so is its own end', async () => {
  const first = await aBatch(['one'], '2026-11-01');
  await asksFor(first, 'one', 8 * HOUR);
  expect(await sentByLooks(first)).toEqual(['opened']);
  nowMs += 8 * HOUR;
  await asksOn(first, 'one', 8 * HOUR);
  expect(await sentByLooks(first)).toEqual(['reminder']);
  expect(await openAlerts()).toEqual(['unanswered']);

  nowMs += HOUR;
  const second = await aBatch(['two', 'three'], '2026-11-02');
  await asksFor(second, 'two', 6 * HOUR);
  expect(await sentByLooks(first, second), 'once, whichever is looked at').toEqual(['reminder']);
  const [asking] = await ledger.alerts({ open: true });
  expect(asking).toMatchObject({ rule: 'approval', batchId: second, detail: { jobs: 2 } });
  expect(asking?.detail.headline).toMatch(
    /^1 effect waits for approval until .*; of 2026-11-01: the time for approval ran out/,
  );
  nowMs += 6 * HOUR;
  await asksOn(second, 'two', 6 * HOUR);
  expect(await sentByLooks(first, second)).toEqual(['reminder']);
  expect(await ledger.alerts({ open: true })).toMatchObject([{ rule: 'unanswered', batchId: second }]);
});

test('time that runs out in an older night is told at once while a newer one still asks', async () => {
  const [first, second] = [await aBatch(['one'], '2026-11-01'), await aBatch(['two'], '2026-11-02')];
  await asksFor(first, 'one', 3 * HOUR);
  expect(await sentByLooks(first)).toEqual(['opened']);
  nowMs += HOUR;
  await asksFor(second, 'two', 60 * HOUR);
  expect(await sentByLooks(first, second)).toEqual(['reminder']);
  nowMs += 2 * HOUR;
  await asksOn(first, 'one', 3 * HOUR);
  expect(await sentByLooks(first, second)).toEqual(['reminder']);
  expect(await ledger.alerts({ open: true })).toMatchObject([{ rule: 'approval', batchId: second }]);

  await answer('two');
  expect(await sentByLooks(first, second), 'the rest was told').toEqual([]);
  expect(await ledger.alerts({ open: true })).toMatchObject([{ rule: 'unanswered', batchId: first }]);
});

test('a job that a newer list has as well is no news', async () => {
  const first = await aBatch(['one']);
  await asksFor(first, 'one', HOUR);
  await sentByLooks(first);
  nowMs += HOUR;
  await asksOn(first, 'one', HOUR);
  expect(await sentByLooks(first)).toEqual(['reminder']);
  const second = await aBatch(['one', 'two']);
  expect(await sentByLooks(first, second)).toEqual([]);
});

test('an approval that was given is over while its batch goes on, and not before all of that name are given', async () => {
  const tonight = await aBatch(['one', 'two']);
  for (const slug of ['one', 'two']) await asksFor(tonight, slug);
  await look(tonight);
  expect(await openAlerts()).toEqual(['approval']);

  const lastNight = await aBatch(['three']);
  await asksFor(lastNight, 'three');
  for (const slug of ['one', 'two']) await answer(slug);
  await look(tonight);
  expect(await openAlerts(), 'another run of that name still asks').toEqual(['approval']);

  await answer('three');
  expect((await ledger.batch(tonight))?.state).toBe('running');
  await look(tonight);
  expect(await openAlerts()).toEqual([]);
});

test('a used-up budget is over when sessions are under way again, and not when a job merely asks', async () => {
  const batchId = await aBatch(['one', 'two']);
  await claimed(ledger, 'one', { by: by(batchId) });
  const refused = { state: 'gated', errorClass: 'budget', message: 'budget.perDay is used up' } as const;
  await ledger.settleJob(jobOf('one'), refused, by(batchId));
  await look(batchId);
  expect(await openAlerts()).toEqual(['budget']);

  const claim = await claimed(ledger, 'one', { by: by(batchId) });
  await look(batchId);
  expect(await openAlerts()).toEqual(['budget']);
  await startedSession(ledger, 'one', claim, { batchId });
  await look(batchId);
  expect(await openAlerts()).toEqual([]);
});

const gated = (errorClass: 'auth' | 'transient', message: string) =>
  ({ state: 'gated', errorClass, message }) as const;

/** Another try of the job, whose session delivers. */
async function delivers(batchId: string, slug: string): Promise<void> {
  const claim = await claimed(ledger, slug, { by: by(batchId) });
  const session = await startedSession(ledger, slug, claim, { batchId });
  await look(batchId);
  await ledger.endSession(session, collected(), claim.fence);
  await look(batchId);
}

test('a stop-loss is over when its batch was resumed, and not when another run of the name goes on', async () => {
  const [first, second] = [await aBatch(['one'], '2026-11-01'), await aBatch(['two'], '2026-11-02')];
  await ledger.setBatchState(first, 'paused', STOP_LOSS, 'too many failed');
  await look(first);
  await look(second);
  expect(await openAlerts()).toEqual(['stop-loss']);
  await ledger.setBatchState(first, 'running', 'ann');
  await look(second);
  expect(await openAlerts()).toEqual(['stop-loss']);
  await look(first);
  expect(await openAlerts()).toEqual([]);
});

/** The run ends well, with all that it has. */
async function endsWell(batchId: string, slug: string): Promise<void> {
  await claimed(ledger, slug, { by: by(batchId) });
  await landed(ledger, slug, { batchId });
  await ledger.setBatchState(batchId, 'completed', batchId);
  await look(batchId);
}

test('what another run still stands at has not recovered by the good end of this one: a stop-loss, a budget, a refusal', async () => {
  const paused = await aBatch(['one'], '2026-11-01');
  await ledger.setBatchState(paused, 'paused', STOP_LOSS, 'too many failed');
  const refused = await aBatch(['two', 'three'], '2026-11-02');
  await claimed(ledger, 'two', { by: by(refused) });
  const usedUp = { state: 'gated', errorClass: 'budget', message: 'budget.perDay is used up' } as const;
  await ledger.settleJob(jobOf('two'), usedUp, by(refused));
  await claimed(ledger, 'three', { by: by(refused) });
  await ledger.settleJob(jobOf('three'), gated('auth', 'HTTP 401'), by(refused));
  const before = ['auth', 'budget', 'stop-loss'];
  for (const batchId of [paused, refused]) await look(batchId);
  expect((await openAlerts()).sort()).toEqual(before);
  await endsWell(await aBatch(['four'], '2026-11-03'), 'four');
  expect((await openAlerts()).sort()).toEqual(before);

  await ledger.setBatchState(paused, 'running', 'ann');
  await endsWell(await aBatch(['five'], '2026-11-04'), 'five');
  expect((await openAlerts()).sort(), 'it goes on again').toEqual(['auth', 'budget']);
});

test.each([
  ['a service that refused us is', 'auth', 'HTTP 401', 'auth'],
  ['our artifacts are', 'transient', stoppedByArtifacts('no space left'), 'down'],
] as const)(
  '%s trusted again after work since, and not when a job merely asks',
  async (_, errorClass, message, rule) => {
    const batchId = await aBatch(['one', 'two']);
    await claimed(ledger, 'one', { by: by(batchId) });
    await ledger.settleJob(jobOf('one'), gated(errorClass, message), by(batchId));
    await look(batchId);
    expect(await openAlerts()).toEqual([rule]);
    const claim = await claimed(ledger, 'one', { by: by(batchId) });
    await look(batchId);
    const session = await startedSession(ledger, 'one', claim, { batchId });
    await look(batchId);
    expect(await openAlerts(), 'under way, which says nothing yet').toEqual([rule]);
    await ledger.endSession(session, collected(), claim.fence);
    await look(batchId);
    expect(await openAlerts()).toEqual([]);
  },
);

test('a destination is trusted again when something has landed there, whatever sessions do', async () => {
  const batchId = await aBatch(['one', 'two', 'three']);
  await claimed(ledger, 'one', { by: by(batchId) });
  await ledger.settleJob(jobOf('one'), gated('transient', 'post: HTTP 503'), by(batchId));
  await look(batchId);
  expect(await ledger.alerts({ open: true })).toMatchObject([{ rule: 'down', subject: 'post (folder)' }]);
  await claimed(ledger, 'one', { by: by(batchId) });
  await delivers(batchId, 'two');
  expect(await openAlerts()).toEqual(['down']);
  await landed(ledger, 'two', { batchId });
  await look(batchId);
  expect(await openAlerts()).toEqual([]);
});

test('a service that another run under way is refused by is not trusted yet', async () => {
  const [first, second] = [await aBatch(['one'], '2026-11-01'), await aBatch(['two'], '2026-11-02')];
  await claimed(ledger, 'one', { by: by(first) });
  await ledger.settleJob(jobOf('one'), gated('auth', 'HTTP 401'), by(first));
  await look(first);
  await delivers(second, 'two');
  expect(await openAlerts()).toEqual(['auth']);
  expect((await ledger.alertMessages()).map(({ kind }) => kind)).toEqual(['opened']);
});

test('an empty balance is told at once: by an alert, in the report, and in status; its end when sessions begin again', async () => {
  const id = await aBatch(['one']);
  const batch = await ledger.batch(id);
  if (!batch) throw new Error(`no batch ${id}`);
  const definition = await readDefinition(readManifestRef(batch.manifest), artifacts());
  const lane = agentLane(definition, { key: keyOf('one'), batchId: id }, { ledger });
  await lane.report(
    new AdapterError('exhausted', 'create was answered 402: Your prepayment credits are depleted.', {
      sent: 'rejected',
      retryAfterMs: 60 * 60_000,
      needsPerson: true,
    }),
  );
  nowMs += 60_000;
  await look(id);
  expect(await ledger.alerts({ open: true })).toMatchObject([
    { rule: 'quota', subject: 'command', detail: { examples: [{ message: /credits are depleted/ }] } },
  ]);
  const made = () =>
    makeReport({ id, name: 'nightly' }, ledger, { stateDir: folder, now: now(), artifacts: artifacts() });
  const report = reportLines(await made(), 100)
    .map((line) => rendered(line, undefined))
    .join('\n');
  expect(report).toContain('A balance or a spend limit is used up');
  expect(report).toContain('nightshift lanes');
  const config = { stateDir: folder, ledger: { path: join(folder, 'ledger.db') } };
  const connections = { ledger: async () => ledger, artifacts: artifacts(), config };
  const { waitsFor } = await batchStatus(batch, connections as Connections);
  expect(waitsFor.map(waitsText)).toEqual([
    expect.stringContaining(
      'command: the balance or a spend limit is used up, and does not come back by itself',
    ),
  ]);

  nowMs += 60 * 60_000;
  await look(id);
  expect(await ledger.alerts({ open: true }), 'nobody knows before the next look at it').toHaveLength(1);
  const claim = await claimed(ledger, 'one', { by: by(id) });
  const session = await startedSession(ledger, 'one', claim, { batchId: id });
  await ledger.endSession(session, collected(), claim.fence);
  await look(id);
  expect(await ledger.alerts({ open: true })).toEqual([]);
});

test('a reminder comes after a look: of what was mended none goes out, of the rest it says what is so by now', async () => {
  const [first, second] = [await aBatch(['one', 'three'], '2026-11-01'), await aBatch(['two'], '2026-11-02')];
  await endsParked(first, 'one');
  await ledger.setBatchState(second, 'paused', STOP_LOSS, 'too many failed');
  await look(second);
  await allSent();
  await ledger.setBatchState(second, 'running', 'ann');
  await claimed(ledger, 'three', { by: by(first) });
  await ledger.settleJob(jobOf('three'), PARKED, by(first));

  nowMs += 5 * 60 * 60_000;
  await remindOfAll();
  const messages = await ledger.alertMessages({ states: ['pending'] });
  const alerts = new Map((await ledger.alerts()).map((alert) => [alert.fingerprint, alert]));
  expect(messages.map(({ kind, fingerprint = '' }) => [kind, alerts.get(fingerprint)?.rule]).sort()).toEqual([
    ['recovered', 'stop-loss'],
    ['reminder', 'parked'],
  ]);
  expect(await ledger.alerts({ open: true })).toMatchObject([{ rule: 'parked', detail: { jobs: 2 } }]);
});

test('a look back at an earlier night neither ends what a later one is about, nor opens what that one has settled', async () => {
  const first = await aBatch(['one', 'two'], '2026-11-01');
  await claimed(ledger, 'two', { by: by(first) });
  await ledger.settleJob(jobOf('two'), gated('auth', 'HTTP 401'), by(first));
  await endsParked(first, 'one');
  const second = await aBatch(['three', 'four'], '2026-11-02');
  await ledger.setBatchState(second, 'incomplete', second);
  await look(second);
  expect(await openAlerts(), 'the second night got its credentials right').not.toContain('auth');
  const third = await aBatch(['five'], '2026-11-03');
  await claimed(ledger, 'five', { by: by(third) });
  await ledger.settleJob(jobOf('five'), gated('transient', 'post: HTTP 503'), by(third));
  await look(third);
  const before = (await openAlerts()).sort();
  expect(before).toEqual(['down', 'incomplete', 'parked']);
  nowMs += 30 * 60 * 60_000;
  await remindOfAll();
  expect((await openAlerts()).sort()).toEqual(before);
});

test('a night that somebody cancelled raises nothing, and its stop-loss stands before nobody any more', async () => {
  const batchId = await aBatch(['one', 'two'], '2026-11-01');
  await claimed(ledger, 'one', { by: by(batchId) });
  await ledger.settleJob(jobOf('one'), PARKED, by(batchId));
  await ledger.setBatchState(batchId, 'paused', STOP_LOSS, 'too many failed');
  await look(batchId);
  expect(await openAlerts()).toEqual(['stop-loss']);
  await ledger.setBatchState(batchId, 'cancelled', 'ann');
  await look(batchId);
  expect(await openAlerts()).toEqual([]);
  expect((await ledger.alertMessages()).map(({ kind }) => kind)).toEqual(['opened']);
});

test('what waits for a yes in a night that was stopped is still asked for while a later one runs', async () => {
  const first = await aBatch(['one', 'two'], '2026-11-01');
  await asksFor(first, 'one');
  await claimed(ledger, 'two', { by: by(first) });
  await ledger.settleJob(jobOf('two'), gated('auth', 'HTTP 401'), by(first));
  await ledger.setBatchState(first, 'incomplete', first);
  await look(first);
  await allSent();
  const before = await kinds();
  const second = await aBatch(['three', 'four'], '2026-11-02');
  await look(second);
  expect((await openAlerts()).sort()).toEqual(['approval', 'auth']);
  expect(await kinds()).toEqual(before);

  await answer('one');
  await look(second);
  expect(await openAlerts()).toEqual(['auth']);
});

test('a yes that was given is waited for by nobody, and no unfinished end, while its job has no lane yet', async () => {
  const batchId = await aBatch(['one'], '2026-11-01');
  await asksFor(batchId, 'one');
  await ledger.setBatchState(batchId, 'incomplete', batchId);
  await look(batchId);
  await allSent();
  expect(await openAlerts()).toEqual(['approval']);
  await answer('one');
  await look(batchId);
  expect(await openAlerts()).toEqual([]);
  expect(await kinds()).toEqual(['opened', 'recovered']);
});

test('a night that is cancelled while its effects wait for a yes has not recovered', async () => {
  const batchId = await aBatch(['one'], '2026-11-01');
  await asksFor(batchId, 'one');
  await look(batchId);
  await allSent();
  await ledger.settleJob(jobOf('one'), { state: 'cancelled' }, by(batchId));
  await ledger.setBatchState(batchId, 'cancelled', 'ann');
  await look(batchId);
  expect(await openAlerts()).toEqual([]);
  expect(await kinds()).toEqual(['opened']);
});

test('a used-up budget of a batch that was cancelled is neither repeated nor called a recovery', async () => {
  const batchId = await aBatch(['one', 'two']);
  await claimed(ledger, 'one', { by: by(batchId) });
  const refused = { state: 'gated', errorClass: 'budget', message: 'budget.perDay is used up' } as const;
  await ledger.settleJob(jobOf('one'), refused, by(batchId));
  await look(batchId);
  await allSent();
  await ledger.settleJob(jobOf('one'), { state: 'cancelled' }, by(batchId));
  await ledger.setBatchState(batchId, 'cancelled', 'ann');
  nowMs += 30 * 60 * 60_000;
  await remindOfAll();
  expect(await openAlerts()).toEqual([]);
  expect(await kinds()).toEqual(['opened']);
});

test('parked jobs of a night whose retry was cancelled are named until somebody has seen to them', async () => {
  const batchId = await aBatch(['one', 'two'], '2026-11-01');
  await claimed(ledger, 'two', { by: by(batchId) });
  await ledger.settleJob(jobOf('two'), PARKED, by(batchId));
  await endsParked(batchId, 'one');
  await takenUp(batchId, 'two');
  await ledger.settleJob(jobOf('two'), { state: 'cancelled' }, by(batchId));
  await ledger.setBatchState(batchId, 'cancelled', 'ann');
  await look(batchId);
  expect(await ledger.alerts({ open: true })).toMatchObject([{ rule: 'parked', detail: { jobs: 1 } }]);

  const row = await ledger.batch(batchId);
  if (!row) throw new Error(`no batch ${batchId}`);
  await ledger.discard(row, { by: 'ann', reason: 'not needed', selection: { keys: [keyOf('one')] } });
  await look(batchId);
  expect(await openAlerts()).toEqual([]);
});

test('parked jobs of a cancelled night stay in the alert when a later night speaks, and until somebody has seen to them', async () => {
  const first = await aBatch(['one', 'two'], '2026-11-01');
  await claimed(ledger, 'two', { by: by(first) });
  await ledger.settleJob(jobOf('two'), PARKED, by(first));
  await endsParked(first, 'one');
  await takenUp(first, 'two');
  await ledger.settleJob(jobOf('two'), { state: 'cancelled' }, by(first));
  await ledger.setBatchState(first, 'cancelled', 'ann');
  const silent = await aBatch(['three'], '2026-11-02');
  await claimed(ledger, 'three', { by: by(silent) });
  await ledger.settleJob(jobOf('three'), PARKED, by(silent));
  await ledger.setBatchState(silent, 'cancelled', 'ann');
  await look(silent);
  const last = await aBatch(['four'], '2026-11-03');
  await endsParked(last, 'four');
  for (const batchId of [first, silent, last]) {
    await look(batchId);
    expect(
      await ledger.alerts({ open: true }),
      'what was told, and no job of another cancelled night',
    ).toMatchObject([
      { batchId: last, detail: { jobs: 2, examples: [{ key: keyOf('four') }, { key: keyOf('one') }] } },
    ]);
  }

  const seenTo = async (batchId: string, slug: string) => {
    const row = await ledger.batch(batchId);
    if (!row) throw new Error(`no batch ${batchId}`);
    await ledger.discard(row, { by: 'ann', reason: 'not needed', selection: { keys: [keyOf(slug)] } });
    await look(batchId);
  };
  await allSent();
  await seenTo(last, 'four');
  expect(await ledger.alerts({ open: true })).toMatchObject([{ batchId: first, detail: { jobs: 1 } }]);
  expect(await kinds()).toEqual(['opened']);
  await seenTo(first, 'one');
  expect(await openAlerts()).toEqual([]);
});

/** The stored file of that batch is gone. */
async function losesItsFile(batchId: string): Promise<void> {
  const row = await ledger.batch(batchId);
  const { definition } = JSON.parse(row?.manifest ?? '') as { definition: string };
  rmSync(artifactFile(join(folder, 'artifacts'), definition));
  await expect(look(batchId)).rejects.toThrow();
}

test('a night whose file is lost keeps what was told of its jobs, and silences no other night', async () => {
  const first = await aBatch(['one'], '2026-11-01', 'old');
  await endsParked(first, 'one');
  await losesItsFile(first);
  await allSent();
  const before = await ledger.alerts({ open: true });
  const other = await aBatch(['two', 'four'], '2026-11-02');
  await look(other);
  expect((await ledger.alerts({ open: true }))[0]?.detail).toEqual(before[0]?.detail);
  await claimed(ledger, 'four', { by: by(other) });
  await ledger.settleJob(jobOf('four'), gated('auth', 'HTTP 401'), by(other));
  await look(other);
  expect((await openAlerts()).sort(), 'told at once').toEqual(['auth', 'parked']);

  await endsParked(other, 'two');
  const [both] = (await ledger.alerts({ open: true })).filter(({ rule }) => rule === 'parked');
  expect(both).toMatchObject({
    batchId: other,
    detail: { jobs: 1, of: 2, examples: [{ key: keyOf('two') }] },
  });
  const row = await ledger.batch(other);
  if (!row) throw new Error(`no batch ${other}`);
  await ledger.discard(row, { by: 'ann', reason: 'not needed', selection: { keys: [keyOf('two')] } });
  await look(other);
  expect(await openAlerts(), 'the lost one has its job parked still').toContain('parked');

  await ledger.requeue(first, 'ann', { keys: [keyOf('one')] });
  await endsWell(await aBatch(['five'], '2026-11-03'), 'five');
  expect(await openAlerts(), 'it has none any more').not.toContain('parked');
});

test('a run under way whose file is lost keeps its stop-loss, and stands before no other alert', async () => {
  const first = await aBatch(['one'], '2026-11-01', 'old');
  await ledger.setBatchState(first, 'paused', STOP_LOSS, 'too many failed');
  await look(first);
  await losesItsFile(first);
  const refused = await aBatch(['two'], '2026-11-02');
  await claimed(ledger, 'two', { by: by(refused) });
  await ledger.settleJob(jobOf('two'), gated('auth', 'HTTP 401'), by(refused));
  await look(refused);
  await endsWell(refused, 'two');
  expect(await openAlerts()).toEqual(['stop-loss']);
});

test('no reminder of what is being retried: it comes when a job stops again', async () => {
  const batchId = await aBatch(['one'], '2026-11-01');
  await endsParked(batchId, 'one');
  await allSent();
  await takenUp(batchId, 'one');
  nowMs += 5 * 60 * 60_000;
  await remindOfAll();
  expect(await kinds()).toEqual(['opened']);
  expect(await openAlerts()).toEqual(['parked']);

  const other = await aBatch(['two'], '2026-11-02');
  await claimed(ledger, 'two', { by: by(other) });
  await landed(ledger, 'two', { batchId: other });
  await ledger.setBatchState(other, 'completed', other);
  await look(other);
  expect(await kinds(), 'another night says nothing of a job that is at work').toEqual(['opened']);

  await ledger.settleJob(jobOf('one'), PARKED, by(batchId));
  await ledger.setBatchState(batchId, 'incomplete', batchId);
  await look(batchId);
  expect(await kinds()).toEqual(['opened', 'reminder']);
});

test('of two parked jobs, one of which is being retried, a reminder names the other', async () => {
  const batchId = await aBatch(['one', 'two'], '2026-11-01');
  await claimed(ledger, 'two', { by: by(batchId) });
  await ledger.settleJob(jobOf('two'), PARKED, by(batchId));
  await endsParked(batchId, 'one');
  await allSent();
  await takenUp(batchId, 'one');
  nowMs += 5 * 60 * 60_000;
  await remindOfAll();
  expect(await kinds()).toEqual(['opened', 'reminder']);
  expect(await ledger.alerts({ open: true })).toMatchObject([
    { detail: { jobs: 1, examples: [{ key: keyOf('two') }] } },
  ]);
});

test('an unfinished end is made good by a night that ends well, not by one that ends unfinished too', async () => {
  const first = await aBatch(['one', 'two'], '2026-11-01');
  await ledger.setBatchState(first, 'incomplete', first);
  await look(first);
  expect(await openAlerts()).toEqual(['incomplete']);
  await allSent();
  await endsParked(await aBatch(['three'], '2026-11-02'), 'three');
  expect((await openAlerts()).sort()).toEqual(['incomplete', 'parked']);
  expect(await kinds()).toEqual(['opened', 'opened']);

  const third = await aBatch(['four'], '2026-11-03');
  await claimed(ledger, 'four', { by: by(third) });
  await landed(ledger, 'four', { batchId: third });
  await ledger.setBatchState(third, 'completed', third);
  await look(third);
  expect(await openAlerts()).toEqual(['parked']);
  expect(await kinds()).toContain('recovered');
});

test('an unfinished end gives way to what its own night says when it was run again', async () => {
  const batchId = await aBatch(['one', 'two'], '2026-11-01');
  await ledger.setBatchState(batchId, 'incomplete', batchId);
  await look(batchId);
  await allSent();
  await takenUp(batchId, 'two');
  await landed(ledger, 'two', { batchId });
  await endsParked(batchId, 'one');
  expect(await openAlerts()).toEqual(['parked']);
  expect(await kinds()).toEqual(['opened', 'opened']);
});

test('a look at an older night leaves the alert with the newest', async () => {
  const first = await aBatch(['one', 'two'], '2026-11-01');
  const second = await aBatch(['three'], '2026-11-02');
  await claimed(ledger, 'two', { by: by(first) });
  await ledger.settleJob(jobOf('two'), PARKED, by(first));
  await endsParked(first, 'one');
  await endsParked(second, 'three');
  const row = await ledger.batch(first);
  if (!row) throw new Error(`no batch ${first}`);
  await ledger.discard(row, { by: 'ann', reason: 'not needed', selection: { keys: [keyOf('one')] } });
  await look(first);
  const [alert] = await ledger.alerts({ open: true });
  expect(alert).toMatchObject({
    batchId: second,
    detail: { jobs: 2, examples: [{ key: keyOf('three') }, {}] },
  });
  expect(alert?.detail.next.map(({ what }) => what).slice(-1)).toEqual([
    'of 2026-11-01: give them a new budget and go on',
  ]);
});

test('of many nights that have left jobs, only those that are spelt out are looked up by their editions', async () => {
  for (let night = 1; night <= 6; night++)
    await endsParked(await aBatch([`job-${night}`], `2026-11-0${night}`), `job-${night}`);
  let lookups = 0;
  const counting: Ledger = {
    ...ledger,
    namesakes: (batch) => {
      lookups++;
      return ledger.namesakes(batch);
    },
  };
  const last = await aBatch(['job-7'], '2026-11-07');
  await claimed(ledger, 'job-7', { by: by(last) });
  await ledger.settleJob(jobOf('job-7'), PARKED, by(last));
  await ledger.setBatchState(last, 'incomplete', last);
  await lookAtBatch(last, { ledger: counting, artifacts: artifacts(), stateDir: folder, now });
  expect(lookups, 'its own, and three more').toBe(4);
  expect(await ledger.alerts({ open: true })).toMatchObject([{ detail: { jobs: 7 } }]);
  expect(await nextCommands()).toContain(`nightshift retry nightly --edition 2026-11-04 --state ${folder}`);
});
