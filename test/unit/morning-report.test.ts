// The morning report, from a ledger that was filled as workers fill it: its figures are the ledger's own.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApprovalRequest } from '../../src/ledger/ledger.js';
import type { LaneNote } from '../../src/policy/limits/state.js';
import { alertFingerprint } from '../../src/policy/alerts.js';
import { stoppedByArtifacts } from '../../src/policy/own-artifacts.js';
import { rendered } from '../../src/report/line.js';
import { fingerprintOf } from '../../src/report/morning/causes.js';
import { drawReport, keepReport, makeReport, reportsFolder } from '../../src/report/morning/make-report.js';
import type { MorningReport, Night } from '../../src/report/morning/model.js';
import { saveReport } from '../../src/report/morning/report-files.js';
import { reportLines } from '../../src/report/morning/terminal.js';
import { spanOfTime } from '../../src/report/morning/words.js';
import { NAME, tellNights, type Told } from '../support/nights.js';
import {
  aLedger,
  BATCH,
  by,
  claimed,
  effectOf,
  identityOf,
  jobOf,
  member,
  NOBODY,
  openBatch,
} from './ledger-fixture.js';

const folder = mkdtempSync(join(tmpdir(), 'nightshift-report-'));
const options = {
  stateDir: '/home/anna/nights/.nightshift',
  now: new Date('2026-11-23T06:00:00Z'),
  timeZone: 'Europe/Madrid',
};

let told: Told;
let report: MorningReport;
let night: Night;

beforeAll(async () => {
  told = await tellNights(join(folder, 'ledger.db'), { jobs: 8, before: 1 });
  report = await makeReport({ id: told.batchId, name: NAME }, told.ledger, options);
  if (report.night === undefined) throw new Error('the ledger has this night');
  night = report.night;
});

afterAll(async () => {
  await told.ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

describe('its figures', () => {
  test('are the totals of the ledger, and its parts add up to them', async () => {
    const totals = await told.ledger.totals(told.batchId, 0);
    const spend = await told.ledger.spend({ batchId: told.batchId });
    expect(night.totals).toEqual(totals);
    expect(night.cost.costMicros).toBe(spend);
    expect(night.cost.wastedMicros).toBe(Math.round(totals.cost.wasted * 1e6));
    for (const parts of [night.bySite, night.byWork]) {
      expect(sum(parts.map(({ costMicros }) => costMicros))).toBe(spend);
      expect(sum(parts.map(({ wastedMicros }) => wastedMicros))).toBe(night.cost.wastedMicros);
    }
    expect(night.nights.at(-1)).toMatchObject({ costMicros: spend, jobs: 8, finished: 5 });
    expect(night.landed.total).toBe(night.landed.rows.length);
  });

  test('of failures count each try once, and each job that is not done once', () => {
    expect(sum(report.causes.map(({ failures }) => failures))).toBe(night.totals.sessions.wasted + 1);
    expect(sum(report.causes.map(({ unfinished }) => unfinished))).toBe(3);
    expect(sum(report.causes.map(({ wastedMicros }) => wastedMicros))).toBe(night.cost.wastedMicros);
  });

  test('of the line of time count each end once', () => {
    const { bins } = night.timeline;
    // Eight jobs but one: seven good sessions less the parked one's, and the effects that landed.
    expect(sum(bins.map(({ good }) => good))).toBe(6 + 5);
    expect(sum(bins.map(({ bad }) => bad))).toBe(night.totals.sessions.wasted + 1);
    expect(night.timeline.lanes).toHaveLength(7);
    expect(night.timeline.stops).toMatchObject([{ what: 'paused: the blog is being moved' }]);
  });
});

test('a service that was closed and a wider pause are on the line of time, cut to the run; other services are not', async () => {
  const { ledger, batchId, setClock } = await tellNights(join(folder, 'closed.db'), { jobs: 8 });
  const note = async (at: string, name: string, ...notes: readonly LaneNote[]) => {
    setClock(`2026-11-23T${at}:00.000Z`);
    const lane = { id: `${name}-0123456789abcdef`, label: `${name} https://api.example` };
    await ledger.changeLane(lane, (state, now) => ({
      state: { ...state, slotAt: now },
      result: undefined,
      notes,
    }));
  };
  const opened = { what: 'opened', cause: 'exhausted', why: 'the spend cap of 5 USD is reached' } as const;
  await note('01:00', 'claude', opened);
  await note('02:05', 'claude', { what: 'closed', cause: 'exhausted', why: 'a request was answered' });
  await note('02:06', 'another', opened);
  setClock('2026-11-23T02:20:00.000Z');
  await ledger.placeHold({ kind: 'all' }, 'finish', 'ann', 'the server moves');
  const made = await makeReport({ id: batchId, name: NAME }, ledger, options);
  await ledger.close();
  expect(made.night?.timeline.stops).toEqual([
    {
      kind: 'closed',
      from: '2026-11-23T02:00:00.000Z',
      to: '2026-11-23T02:05:00.000Z',
      what: 'claude https://api.example had no quota left',
      said: opened.why,
    },
    expect.objectContaining({ what: 'paused: the blog is being moved' }),
    expect.objectContaining({
      kind: 'paused',
      from: '2026-11-23T02:20:00.000Z',
      what: 'everything is paused by ann: the server moves',
    }),
  ]);
});

test('what needs a person comes with the command to type, what can not be taken back first', () => {
  expect(report.headline).toBe('5 of 8 jobs done; 3 things need you.');
  expect(report.decisions.map(({ kind }) => kind)).toEqual(['unknown', 'conflict', 'parked']);
  const [unknown, , parked] = report.decisions;
  expect(unknown?.cases[0]?.commands.map(({ command }) => command)).toEqual([
    expect.stringMatching(/^nightshift approve --effect [0-9a-f]{32}@[0-9a-z]+ --landed$/),
    expect.stringMatching(/^nightshift approve --effect [0-9a-f]{32}@[0-9a-z]+ --not-landed$/),
  ]);
  expect(parked?.commands.map(({ command }) => command)).toEqual([
    'nightshift run <its batch file>', // a changed file is read by a start, not by retry
    `nightshift retry ${NAME} --edition 2026-11-23`,
    expect.stringMatching(/^nightshift discard \S+ --edition \S+ --job [0-9a-f]{32} --reason WHY$/),
  ]);
  expect(report.directory).toBe('/home/anna/nights');
});

test('the commands of a night mean that night, whatever was opened since: its edition, or else its ID', async () => {
  const { ledger } = await aLedger();
  const parkedIn = async (id: string, slug: string, edition?: string) => {
    await openBatch(ledger, [slug], { id });
    const identity = { ...identityOf(slug), ...(edition !== undefined && { edition }) };
    await ledger.setMembers(id, [member(slug, { identity })]);
    await claimed(ledger, slug, { by: by(id) });
    await ledger.settleJob(
      jobOf(slug),
      { state: 'parked', errorClass: 'rejected', message: 'short' },
      by(id),
    );
    await ledger.setBatchState(id, 'paused', 'ann');
  };
  const verbs = /nightshift (retry|status|approve|discard|resume|cancel|report|ledger show) .*/g;
  const typedOf = async (id: string) => {
    const made = await makeReport({ id, name: 'nightly' }, ledger, options);
    const shown = reportLines(made).map((line) => rendered(line));
    const page = (await drawReport(made)).matchAll(/<code>(.*?)<\/code>/g);
    const typed = [
      ...shown.join('\n').matchAll(verbs),
      ...[...page].flatMap(([, code = '']) => [...code.matchAll(verbs)]),
    ];
    return typed.map(([command]) => command);
  };
  const night = 'batch:nightly:1';
  await parkedIn(night, 'one', '2026-11-01');
  const first = await typedOf(night);
  await parkedIn('batch:nightly:2', 'two', '2026-11-02');
  expect(await typedOf(night)).toEqual(first);
  expect(first.length).toBeGreaterThan(6);
  for (const command of first) expect(command).toContain(' nightly --edition 2026-11-01');
  await parkedIn('batch:nightly:3', 'three');
  for (const command of await typedOf('batch:nightly:3')) expect(command).toContain(' batch:nightly:3');
});

test('a state directory of another name is named in each command', async () => {
  const elsewhere = { ...options, stateDir: '/srv/my state' };
  const made = await makeReport({ id: told.batchId, name: NAME }, told.ledger, elsewhere);
  expect(await drawReport(made)).toContain(
    `<code>nightshift report ${NAME} --edition 2026-11-23 --state &#39;/srv/my state&#39;</code>`,
  );
  const { decisions } = made;
  for (const { commands } of decisions) {
    for (const { command } of commands.filter((one) => !one.command.includes('<'))) {
      expect(command).toMatch(/--state '\/srv\/my state'$/);
    }
  }
});

test('a cause is known again from night to night, whatever numbers and names its words hold', () => {
  const overloaded = report.causes.find(({ errorClass }) => errorClass === 'transient');
  expect(overloaded).toMatchObject({ nightsBefore: 1, nightsKnown: 1, unfinished: 0 });
  const print = (text: string) => fingerprintOf('transient', text);
  expect(print('POST https://a.example/1 answered 529 "x" [id=9f86d081884c7d65]')).toBe(
    print("POST https://b.example/22 answered 503 'y' [id=60303ae22b998861] (it was the third)"),
  );
  // The job says once more what its last session failed by, and why there is no other one.
  expect(print('sh failed (exit code 3) (all 3 sessions are used)')).toBe(print('sh failed (exit code 3)'));
  expect(print('the disk is full')).not.toBe(print('the disk is gone'));
  expect(fingerprintOf('lost', 'gone')).not.toBe(fingerprintOf('timeout', 'gone'));
});

test('duplicates that did not come about are counted by kind', () => {
  expect(night.duplicates).toEqual({
    total: 2,
    parts: [
      { count: 1, what: '1 session was gone on with after a break, not paid again' },
      { count: 1, what: '1 further start joined the run or found it done' },
    ],
  });
});

test('a try is stopped by its fence only where its worker came back; one whose worker died is none', async () => {
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one', 'two', 'three']);
  const take = (slug: string, worker: string) => claimed(ledger, slug, { by: { ...by(), worker } });
  await take('one', 'frozen');
  await take('two', 'dead');
  const takenOver = async () => (await ledger.reportRows(BATCH))?.takenOver;
  await take('one', 'other');
  await take('two', 'other');
  expect(await takenOver()).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 2)); // times are in milliseconds
  await take('three', 'frozen');
  expect(await takenOver()).toBe(1);
  const { night: shown } = await makeReport({ id: BATCH, name: 'nightly' }, ledger, options);
  expect(shown?.duplicates.parts).toEqual([
    {
      count: 1,
      what: '1 try was taken over from a worker that came back, and could write nothing more',
    },
  ]);
});

test('the terminal tells the same, in the same order', () => {
  const text = reportLines(report, 100).map((line) => rendered(line));
  expect(text[0]).toBe(`${NAME}: 5 of 8 jobs done; 3 things need you.`);
  const titles = ['needs a decision', 'landed: 5 effects', 'failures by cause', 'retries and waits', 'cost'];
  const places = titles.map((title) => text.indexOf(title));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(Math.min(...places)).toBeGreaterThan(0);
});

test('times are local, and a zone that changed in the night is said twice', () => {
  expect(spanOfTime('2026-10-24T22:30:00Z', '2026-10-25T02:00:00Z', 'Europe/Madrid')).toBe(
    'Sunday 25 October 2026, 00:30 CEST to 03:00 CET',
  );
  expect(spanOfTime('2026-11-22T22:10:00Z', '2026-11-23T03:02:00Z', 'Europe/Madrid')).toBe(
    'Sunday 22 November 2026, 23:10 to Monday 23 November 2026, 04:02 CET',
  );
});

test('a time in what was said of a job is said by the clock of the report', async () => {
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one', 'two']);
  for (const [slug, state] of [
    ['one', 'held'],
    ['two', 'parked'],
  ] as const) {
    await claimed(ledger, slug);
    const message = 'nobody has approved it by 2026-11-22T12:33:16.014Z';
    await ledger.settleJob(jobOf(slug), { state, errorClass: 'rejected', message }, by());
  }
  const made = await makeReport({ id: BATCH, name: 'nightly' }, ledger, options);
  const text = reportLines(made, 100)
    .map((line) => rendered(line))
    .join('\n');
  for (const said of [text, await drawReport(made)]) {
    expect(said).toContain('approved it by 2026-11-22 13:33:16 CET');
    expect(said).not.toContain('.014Z');
  }
});

test('what our artifacts have stopped waits for them: neither a service nor the batch file is said to be wrong', async () => {
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one', 'two', 'three']);
  for (const [slug, errorClass, message] of [
    ['one', 'transient', stoppedByArtifacts("the artifact can't be stored [root=/s]: ENOSPC")],
    ['two', 'config', stoppedByArtifacts("the artifact can't be stored [root=/s]: EACCES")],
    ['three', 'transient', 'HTTP 503'],
  ] as const) {
    await claimed(ledger, slug);
    await ledger.settleJob(jobOf(slug), { state: 'gated', errorClass, message }, by());
  }
  const { decisions } = await makeReport({ id: BATCH, name: 'nightly' }, ledger, options);
  expect(decisions.map(({ kind, count }) => [kind, count])).toEqual([
    ['artifacts', 2],
    ['quota', 1],
  ]);
});

test('what was approved and has not left yet is not asked for again; where the run is over, the next start does it', async () => {
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one', 'two']);
  const requestOf = (slug: string): ApprovalRequest => {
    const { effectKey, name, target, use, revision } = effectOf(slug);
    const sent = { requestSha256: 'd'.repeat(64), artifact: 'a'.repeat(64), batchId: BATCH };
    return { ...jobOf(slug), effectKey, name, target, use, revision, ...sent, onTimeout: 'hold' };
  };
  for (const slug of ['one', 'two']) {
    await claimed(ledger, slug);
    await ledger.askApproval(requestOf(slug), NOBODY);
  }
  const approve = (slug: string) => ledger.decideApproval(requestOf(slug), 'approved', 'ann', '');
  const decided = async () => {
    const { decisions } = await makeReport({ id: BATCH, name: 'nightly' }, ledger, options);
    return decisions.map(({ title, count }) => [title, count]);
  };
  expect(await decided()).toEqual([['Wait for your yes', 2]]);
  await approve('one');
  expect(await decided()).toEqual([['Wait for your yes', 1]]);
  await approve('two');
  expect(await decided()).toEqual([]);
  await ledger.setBatchState(BATCH, 'incomplete', 'batch', 'the credentials were refused');
  expect(await decided()).toEqual([['Answered, and not carried out yet', 2]]);
});

test('a night that never was has a report that says so', async () => {
  const never = await makeReport(
    { id: 'batch:nights:x', name: 'nights' },
    told.ledger,
    options,
    'No worker ran.',
  );
  expect(never.headline).toBe('This night never started. No worker ran.');
  const page = await drawReport(never);
  expect(page).toContain('This night never started. No worker ran.');
  expect(page).toContain('nightshift doctor');
  expect(
    reportLines(never)
      .map((line) => rendered(line))
      .join('\n'),
  ).toContain('nightshift doctor');
});

describe('its files', () => {
  test('a run has one file however often it is written; the newest night has a name that stays', async () => {
    const state = join(folder, 'state');
    const first = await keepReport(report, told.ledger, state);
    const again = await keepReport(report, told.ledger, state);
    expect(again).toEqual(first);
    const files = readdirSync(reportsFolder(state)).sort();
    expect(files).toEqual([
      expect.stringMatching(/^nightly-articles-2026-11-23-030000-[0-9a-f]{6}\.html$/),
      'nightly-articles-latest.html',
    ]);
    const [one = '', latest = ''] = files.map((file) =>
      readFileSync(join(reportsFolder(state), file), 'utf8'),
    );
    expect(latest).toBe(one);
    expect(one.startsWith('<!doctype html>')).toBe(true);
  });

  test('the newest hundred of a name stay, and those of other names are left alone', async () => {
    const place = join(folder, 'many');
    const at = (day: number) => new Date(Date.UTC(2026, 0, day)).toISOString();
    const of = (name: string, day: number): MorningReport => ({
      ...report,
      name,
      night: { ...night, openedAt: at(day) },
    });
    await saveReport(of('nightly', 1), 'other', place, { newest: false });
    for (let day = 1; day <= 103; day++)
      await saveReport(of(NAME, day), String(day), place, { newest: true });
    const own = readdirSync(place).filter((file) => file.startsWith(`${NAME}-2026`));
    expect(own).toHaveLength(100);
    expect(own.sort()[0]).toContain('2026-01-04');
    expect(readFileSync(join(place, `${NAME}-latest.html`), 'utf8')).toBe('103');
    expect(readdirSync(place).filter((file) => file.startsWith('nightly-2026'))).toHaveLength(1);
  });
});

test('messages that reached nobody are told with the reason and how to test the channels, on page and terminal', async () => {
  const fingerprint = alertFingerprint('down', NAME, 'blog', undefined);
  await told.ledger.noteAlerts({
    batchName: NAME,
    batchId: told.batchId,
    causes: [
      {
        fingerprint,
        rule: 'down',
        subject: 'blog',
        errorClass: undefined,
        detail: { headline: 'the blog is down', jobs: 0, of: 8, examples: [], next: [] },
      },
    ],
    isOver: () => true,
    routes: { definition: 'd'.repeat(64), routes: ['first'] },
    gatherMs: 0,
  });
  const quiet = await makeReport({ id: told.batchId, name: NAME }, told.ledger, options);
  expect(quiet.headline, 'nothing was tried yet').not.toContain('reached nobody');

  const message = await told.ledger.takeMessage(1000);
  const answers = [{ channel: 'slack', took: false, said: 'HTTP 404 <no_team>' }];
  await told.ledger.settleMessage(message?.id ?? '', { kind: 'again', answers, delayMs: 0 });
  const unheard = await makeReport({ id: told.batchId, name: NAME }, told.ledger, options);
  expect(unheard.headline).toMatch(/3 things need you\. 1 message reached nobody\.$/);
  const text = reportLines(unheard)
    .map((line) => rendered(line))
    .join('\n');
  expect(text).toContain('one try so far; slack: HTTP 404 <no_team>');
  expect(text).toContain('nightshift alert test <its batch file>');
  const page = await drawReport(unheard);
  expect(page).toContain('slack: HTTP 404 &lt;no_team&gt;');
  expect(page).toContain('nightshift alert test &lt;its batch file&gt;');

  const other = await makeReport({ id: 'batch:other:x', name: 'other' }, told.ledger, options);
  expect(other.decisions.map(({ kind }) => kind)).not.toContain('unheard');
});
