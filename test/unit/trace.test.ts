// The story of one job, rebuilt from a real ledger; no engine runs here.
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { sessionName } from '../../src/activities/session/session-name.js';
import type { Shell } from '../../src/cli/shell.js';
import { trace as traceVerb } from '../../src/cli/trace.js';
import { createNightshift, type Nightshift } from '../../src/client/nightshift.js';
import { parseWriter, writerOf } from '../../src/ledger/by.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { rendered } from '../../src/report/line.js';
import { traceLines } from '../../src/report/trace-lines.js';
import { tracePage } from '../../src/report/trace-page.js';
import {
  aLedger,
  BATCH,
  by,
  claimed,
  collected,
  effectOf,
  failed,
  jobOf,
  keyOf,
  member,
  openBatch,
  PARKED,
  receiptOf,
  sessionOf,
  settlesOf,
  startedSession,
  temporaryFolder,
} from './ledger-fixture.js';

async function aNight(): Promise<{ ledger: Ledger; nightshift: Nightshift }> {
  const state = temporaryFolder();
  const { ledger } = await aLedger(join(state, 'ledger.db'));
  const nightshift = createNightshift({ state, env: {} });
  onTestFinished(() => nightshift.close());
  await openBatch(ledger, ['one', 'two']);
  return { ledger, nightshift };
}

const mail = effectOf('one', 'mail');

test('the story tells in order what was tried, paid, sent, lost and decided, and by whom', async () => {
  const { ledger, nightshift } = await aNight();
  const first = await claimed(ledger, 'one');
  await ledger.endSession(await startedSession(ledger, 'one', first), failed(), first.fence);
  const second = await claimed(ledger, 'one', { by: by(undefined, 2) });
  await startedSession(ledger, 'one', second);
  await new Promise((resolve) => setTimeout(resolve, 5)); // the times of a ledger are whole milliseconds
  const third = await claimed(ledger, 'one', { by: { ...by(undefined, 3), worker: '2@host' } });
  await ledger.attachSession(sessionOf('one', 2), third.fence);
  await ledger.endSession(sessionOf('one', 2), collected(30_000), third.fence);
  const { fence } = await ledger.beginEffect(mail, by());
  await ledger.attemptingEffect(mail.effectKey, { sha256: 'b'.repeat(64), revision: 1 }, fence);
  const lost = { state: 'unknown', errorClass: 'unknown', message: 'no answer' } as const;
  await ledger.stopEffect(mail.effectKey, { ...lost, job: { ...lost, state: 'held' } }, fence);
  const answer = { landed: true, id: 'msg-7', url: 'https://mail.example/7' } as const;
  await ledger.decideEffect(mail.effectKey, answer, 'ada@desk', 'it is in my inbox');

  const trace = await nightshift.trace({ key: keyOf('one').slice(0, 10) });

  const said = trace.events.map(({ text }) => text);
  const inOrder = [
    'batch opened',
    'taken by a worker',
    'session 1 is about to start at command',
    'session 1 started',
    'session 1 failed after 0 s, cost not known: rejected: too short',
    'try 2 of the agent step',
    'session 2 started',
    'try 3 of the agent step; try 2, by 1@host, told no end: it gave its place back to wait, or its worker was gone',
    'session 2 was under way: this try goes on with it',
    'session 2 delivered after 0 s, cost not known',
    'mail is sent to folder at ./public',
    'mail got no clear answer: unknown: no answer',
    'job held: unknown: no answer',
    'mail landed, as ada@desk said: https://mail.example/7',
  ];
  const places = inOrder.map((text) => said.findIndex((each) => each.startsWith(text)));
  expect(places, said.join('\n')).toEqual([...places].sort((a, b) => a - b));
  expect(places).not.toContain(-1);
  expect(said.some((text) => text.startsWith('ada@desk asked to decide this job: '))).toBe(true);
  expect(trace.events.find(({ kind }) => kind === 'try')).toMatchObject({
    batch: 'nightly',
    runId: 'run-1',
    attempt: 2,
    by: '1@host',
  });
  expect(trace).toMatchObject({ state: 'waiting', spend: '2 sessions, 1 of them wasted, cost not known' });
  expect(trace.histories).toEqual({ read: 0, expired: 0, unread: 'no engine runs here' });
});

test('a job is found by its identity too, also one that nobody has taken yet', async () => {
  const { nightshift } = await aNight();
  const trace = await nightshift.trace({ identity: { slug: 'two' } });
  expect(trace).toMatchObject({ key: keyOf('two'), state: 'waiting' });
});

test('a job is found by its title as views print it', async () => {
  const { ledger, nightshift } = await aNight();
  await claimed(ledger, 'one');
  const found: unknown[] = [];
  const out = { json: (document: unknown) => void found.push(document) };
  const shell = { out, flags: { json: true }, nightshift: async () => nightshift } as unknown as Shell;
  await traceVerb(['blog / a / one'], {}, shell);
  expect(found).toMatchObject([{ key: keyOf('one') }]);
  await expect(traceVerb(['blog / a / onward'], {}, shell)).rejects.toThrow(
    /no job fits "blog \/ a \/ onward"/,
  );
});

test('an end that the policy decides names its run, its try, and its batch where the job has several', async () => {
  const { ledger, nightshift } = await aNight();
  const other = {
    batchId: 'batch:weekly:1',
    workflowId: 'job',
    runId: 'run-2',
    attempt: 3,
    worker: '2@host',
  };
  await openBatch(ledger, ['one'], { id: other.batchId, name: 'weekly', runId: other.runId });
  await claimed(ledger, 'one', { by: other });
  await ledger.settleJob(jobOf('one'), PARKED, other);

  const { events } = await nightshift.trace({ key: keyOf('one') });

  expect(events.filter(({ text }) => text.startsWith('job parked'))).toMatchObject([
    { batch: 'weekly', runId: 'run-2', attempt: 3, by: '2@host' },
  ]);
});

test('what is written outside of any run is told with its name alone', () => {
  const rebuild = { ...by(), workflowId: '', runId: '', worker: 'rebuild by ann' };
  expect(parseWriter(writerOf(rebuild))).toEqual({ name: 'rebuild by ann' });
});

test('a job is found by whatever somebody has at hand of it', async () => {
  const { ledger, nightshift } = await aNight();
  const claim = await claimed(ledger, 'one');
  const session = await startedSession(ledger, 'one', claim);
  const handle = { v: 1, provider: 'claude', ...session, ids: { session: 'sesn_01%A', startedAt: 'x' } };
  await ledger.saveHandle(session, handle, claim.fence);
  await ledger.endSession(session, collected(), claim.fence);
  const post = effectOf('one');
  const { fence } = await ledger.beginEffect(post, by());
  await ledger.attemptingEffect(post.effectKey, { sha256: 'b'.repeat(64), revision: 1 }, fence);
  const url = 'file:///srv/site/first%20bread.md';
  await ledger.landEffect(receiptOf(post, { id: '4711', url }), settlesOf('one', [post]), fence);

  const key = keyOf('one');
  for (const text of [
    key.slice(0, 8),
    `article:${key}`,
    `job:article:${key}`,
    'blog / a / one',
    url,
    '/srv/site/first bread.md',
    '4711', // as it happens, also the form of a key
    'sesn_01%A',
    post.effectKey,
  ]) {
    expect((await nightshift.trace({ text })).key, text).toBe(key);
  }
  for (const text of ['sesn_01_A', 'sesn', 'https://blog.example/?p=1', '4712'])
    await expect(nightshift.trace({ text }), text).rejects.toThrow(`no job fits "${text}"`);
  await expect(nightshift.trace({ text: BATCH }), 'its batch').rejects.toThrow(
    /2 jobs fit "batch:nightly:1"/,
  );
  await expect(nightshift.trace({ text: url, work: 'letter' })).rejects.toThrow('no job fits');

  const found: unknown[] = [];
  const out = { json: (document: unknown) => void found.push(document) };
  const shell = { out, flags: { json: true }, nightshift: async () => nightshift } as unknown as Shell;
  await traceVerb([url], {}, shell);
  expect(found).toMatchObject([{ key }]);
  await expect(traceVerb(['https://blog.example/?p=1'], {}, shell)).rejects.toThrow('no job fits');
});

test('a few characters that begin a key by chance, and are the id of what another job landed, are one of the two', async () => {
  const { ledger, nightshift } = await aNight();
  const id = keyOf('two').slice(0, 4);
  await claimed(ledger, 'one');
  const post = effectOf('one');
  const { fence } = await ledger.beginEffect(post, by());
  await ledger.landEffect(receiptOf(post, { id }), settlesOf('one', [post]), fence);
  await expect(nightshift.trace({ text: id })).rejects.toThrow(`2 jobs fit "${id}"; name one:`);
  expect((await nightshift.trace({ text: keyOf('two').slice(0, 8) })).key).toBe(keyOf('two'));
});

test('a description that fits several jobs, or none, is refused with what there is', async () => {
  const { nightshift } = await aNight();
  await expect(nightshift.trace({ identity: { site: 'blog' } })).rejects.toThrow(
    new RegExp(`2 jobs fit site=blog.*${keyOf('one')}`, 's'),
  );
  await expect(nightshift.trace({ identity: { slug: 'three' } })).rejects.toThrow(/no job fits slug=three/);
});

test('where one key stands for jobs of several kinds of work, each is named as WORK:KEY, and found by that', async () => {
  const { ledger, nightshift } = await aNight();
  const key = keyOf('one');
  await openBatch(ledger, ['one'], { id: 'batch:letters:1' });
  await ledger.setMembers('batch:letters:1', [member('one', { work: 'letter' })]);
  await expect(nightshift.trace({ key })).rejects.toThrow(
    new RegExp(`2 jobs fit the key.*article:${key}.*letter:${key}`, 's'),
  );
  const found: unknown[] = [];
  const out = { json: (document: unknown) => void found.push(document) };
  const shell = { out, flags: { json: true }, nightshift: async () => nightshift } as unknown as Shell;
  await traceVerb([`letter:${key.slice(0, 8)}`], {}, shell);
  expect(found).toMatchObject([{ work: 'letter', key }]);
});

test('what an agent said reaches no terminal raw, and times have their zone', async () => {
  const { ledger, nightshift } = await aNight();
  const claim = await claimed(ledger, 'one');
  const message = 'ask \x1b[31mme\x1b[0m\nlater';
  await ledger.endSession(await startedSession(ledger, 'one', claim), failed({ message }), claim.fence);

  const lines = traceLines(await nightshift.trace({ key: keyOf('one') }), undefined, 'Europe/Paris');

  const text = lines.map((line) => rendered(line)).join('\n');
  expect(text).toContain('ask me later');
  expect(text).not.toContain('\x1b');
  expect(text).toMatch(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (CET|CEST|GMT\+[12])/);
  expect(text).toContain('the ledger alone (no engine runs here)');
});

test('of a session people are told the ids at its service, and none of what its adapter notes for itself', async () => {
  const { ledger, nightshift } = await aNight();
  const claim = await claimed(ledger, 'one');
  const session = await startedSession(ledger, 'one', claim);
  const ids = {
    environment: 'env_12',
    claim: '5ade9e10-8ff0-4f0d-a3f7-0b6fd3f6b3e1',
    sentAt: '2026-11-24T00:00:00.000Z',
    onUnknown: 'restart',
    seenUpdated: '2026-11-24T00:00:00Z',
    seenAccess: '',
    seenFiles: 1,
    interaction: 'v1_7',
    kickoff: 'evt_3',
  };
  const handle = { v: 1, provider: 'antigravity', ...session, ids };
  await ledger.saveHandle(session, handle, claim.fence);

  const { events } = await nightshift.trace({ key: keyOf('one') });
  expect(events.map(({ text }) => text)).toContain(
    'session 1 started (environment env_12, interaction v1_7)',
  );
  expect(sessionName({ ...handle, v: 1 }).session).toMatch(
    /^environment env_12, interaction v1_7, run \S+#1$/,
  );
});

test('a time in what was said is local too', async () => {
  const { ledger, nightshift } = await aNight();
  await claimed(ledger, 'one');
  const message = 'nobody has approved it by 2026-11-23T12:33:16.014Z';
  await ledger.settleJob(jobOf('one'), { ...PARKED, message }, by());
  const trace = await nightshift.trace({ key: keyOf('one') });

  const zone = 'Europe/Paris';
  const text = traceLines(trace, undefined, zone)
    .map((line) => rendered(line))
    .join('\n');
  const page = tracePage(trace, { now: new Date('2026-11-24T06:00:00Z'), timeZone: zone });

  for (const said of [text, page]) {
    expect(said.match(/approved it by 2026-11-23 13:33:16 CET/g)).toHaveLength(2); // how it stands, and its event
    expect(said).not.toContain('.014Z');
  }
});

test('as a page it has every event with its zone, and nothing that was said is obeyed', async () => {
  const { ledger, nightshift } = await aNight();
  const claim = await claimed(ledger, 'one');
  const message = '<img src=x onerror=alert(1)> \x1b[31mred\x1b[0m';
  await ledger.endSession(await startedSession(ledger, 'one', claim), failed({ message }), claim.fence);
  const trace = await nightshift.trace({ key: keyOf('one') });

  const page = tracePage(trace, { now: new Date('2026-11-23T06:00:00Z'), timeZone: 'Europe/Paris' });

  expect(page).toContain('default-src &#39;none&#39;');
  for (const harmful of ['<script', '<img', '\x1b']) expect(page).not.toContain(harmful);
  expect(page).toContain('&lt;img src=x onerror=alert(1)&gt; red');
  expect(page.match(/<tr>/g)?.length).toBeGreaterThan(trace.events.length);
  expect(page).toContain('Made by nightshift, 2026-11-23 07:00:00 CET. Times are those of Europe/Paris.');
});
