// The run opened last is not the whole story: a later start failed, or a night did not come about or does not end. What the
// report says of it, and that there is one although no worker writes it.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storedDefinition } from '../../src/batch/manifest.js';
import { report as reportVerb } from '../../src/cli/report.js';
import { checkNights } from '../../src/client/check-nights.js';
import type { Connections } from '../../src/client/connections.js';
import { reportNight } from '../../src/client/report.js';
import type { BatchState } from '../../src/contract/states.js';
import { EngineUnavailable } from '../../src/engine/index.js';
import { createNightshift } from '../../src/index.js';
import type { Ledger, RequestOutcome } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { localTime } from '../../src/report/format.js';
import { rendered } from '../../src/report/line.js';
import { reportLines } from '../../src/report/morning/terminal.js';
import { aDefinition } from './definition-fixture.js';
import { by, claimed, effectOf, keyOf, landed, openBatch, temporaryFolder } from './ledger-fixture.js';
import { aShell } from './shell-fixture.js';

const HOUR = 3_600_000;
const DONE = 'All 2 jobs done. Nothing is left to do.';
const FAILED = 'The last start of nightly failed.';

let folder: string;
let ledger: Ledger;
let clock: string;
let started: number;
beforeEach(async () => {
  folder = temporaryFolder();
  started = Date.now();
  clock = ago(0);
  ledger = await openLedger({ path: join(folder, 'ledger.db'), now: () => new Date(clock) });
  const opened = ledger;
  onTestFinished(() => opened.close());
});

const ago = (hours: number): string => new Date(started - hours * HOUR).toISOString();
const idOf = (edition: string, name = 'nightly'): string => `batch:${name}:${keyOf(edition)}`;
const artifacts = () => folderArtifactStore({ root: join(folder, 'artifacts') });
const connections = () =>
  ({
    ledger: async () => ledger,
    artifacts: artifacts(),
    config: { stateDir: folder, env: {} },
  }) as unknown as Connections;

interface Run {
  readonly name?: string;
  readonly hoursAgo: number;
  readonly state?: BatchState;
  readonly endedHoursAgo?: number;
}

/** A run of two jobs; both are done where it has ended well. */
async function aRun(
  edition: string,
  { name = 'nightly', hoursAgo, state = 'completed', endedHoursAgo = hoursAgo - 1 }: Run,
): Promise<void> {
  const id = idOf(edition, name);
  clock = ago(hoursAgo);
  const definition = await storedDefinition(aDefinition(folder, { name }), artifacts());
  const slugs = ['one', 'two'].map((slug) => `${slug}-${edition}`);
  const manifest = JSON.stringify({ definition, jobs: definition, count: slugs.length });
  await openBatch(ledger, slugs, { id, name, manifest, runId: `run-${hoursAgo}`, file: '/srv/batch.yaml' });
  if (state === 'completed') {
    for (const slug of slugs) {
      await claimed(ledger, slug, { by: by(id), effectKeys: [effectOf(slug).effectKey] });
      await landed(ledger, slug, { batchId: id });
    }
  }
  clock = ago(endedHoursAgo);
  if (state !== 'running') await ledger.setBatchState(id, state, 'batch');
}

const start = (
  edition: string,
  hoursAgo: number,
  outcome: RequestOutcome = 'failed',
  { name = 'nightly', by: who = 'cron@host', reason = 'the engine does not answer.' } = {},
) => {
  const batch = { id: idOf(edition, name), name, key: keyOf(edition) };
  const why = outcome === 'failed' ? { reason } : {};
  return ledger.recordRequest({ by: who, what: 'start', outcome, batch, ...why }, ago(hoursAgo));
};

const reportOf = async (nameOrId?: string) =>
  (await reportNight({ ...(nameOrId !== undefined && { nameOrId }), timeZone: 'UTC' }, connections())).report;
const headlineOf = async (nameOrId?: string) => (await reportOf(nameOrId)).headline;
const latest = (name = 'nightly') => readFileSync(join(folder, 'reports', `${name}-latest.html`), 'utf8');
const pages = () => readdirSync(join(folder, 'reports')).filter((file) => !file.includes('latest'));

describe('a start that failed after the run opened last', () => {
  test('is said first, with who, why and what to type, until one went well', async () => {
    await aRun('monday', { hoursAgo: 30 });
    expect(await headlineOf('nightly')).toBe(DONE);
    await start('tuesday', 5);
    await start('tuesday', 4);
    const report = await reportOf('nightly');
    expect(report.headline).toBe(`${FAILED} The run before it: all 2 jobs done. Nothing is left to do.`);
    expect(report.tone).toBe('bad');
    expect(report.decisions).toMatchObject([
      {
        kind: 'start',
        cases: [{ title: `${localTime(ago(4), 'UTC')}, by cron@host`, detail: 'the engine does not answer' }],
        commands: [
          { command: expect.stringMatching(/^nightshift doctor/) as string },
          { command: expect.stringMatching(/^nightshift run \/srv\/batch\.yaml /) as string },
        ],
      },
    ]);
    const [first = []] = reportLines(report);
    expect(rendered(first)).toContain(`nightly: ${FAILED}`);
    expect(latest()).toContain(`role="status">${FAILED}`);
    expect(pages(), 'the page of the run').toHaveLength(1);

    await start('tuesday', 3, 'joined');
    expect(await headlineOf('nightly')).toBe(DONE);
  });

  test.each([
    ['of a run that has ended since', async () => start('monday', 29.5)],
    ['of a batch that another run of its name came after', async () => start('sunday', 31)],
    [
      'by a schedule, which tells of its nights itself',
      async () => start('tuesday', 4, 'failed', { by: 'schedule:nights' }),
    ],
  ])('is nothing to speak of where it was one %s', async (_, fails) => {
    await aRun('monday', { hoursAgo: 30 });
    await fails();
    expect(await headlineOf('nightly')).toBe(DONE);
  });

  test('is news of its name, and of its own night; an older night says nothing of it', async () => {
    await aRun('monday', { hoursAgo: 54 });
    await aRun('tuesday', { hoursAgo: 30 });
    await start('wednesday', 5);
    expect(await headlineOf('nightly')).toContain(FAILED);
    expect(await headlineOf(idOf('tuesday'))).toContain(FAILED);
    expect(await headlineOf(idOf('monday'))).toBe(DONE);
    await start('monday', 4);
    expect(await headlineOf(idOf('monday'))).toContain(FAILED);
  });

  test('is in the report of the newest batch, whichever failed in the last day', async () => {
    await aRun('monday', { hoursAgo: 30 });
    await start('tuesday', 5);
    await start('march', 72, 'failed', { name: 'monthly' });
    await aRun('week', { hoursAgo: 4, name: 'weekly' });
    const report = await reportOf();
    expect(report.headline).toBe(`${DONE} ${FAILED}`);
    expect(report.decisions.map(({ kind, title }) => [kind, `${title}.`])).toEqual([['start', FAILED]]);
    expect(await headlineOf('weekly')).toBe(DONE);
    expect(await headlineOf('monthly')).toBe(
      `This night never started. cron@host started it at ${localTime(ago(72), 'UTC')}, and that failed: the engine does not answer.`,
    );
  });
});

describe('whoever looks in the morning', () => {
  const look = ({ longestMs = 8 * HOUR } = {}) =>
    checkNights({ names: ['nightly'], withinMs: 24 * HOUR, longestMs }, connections());

  test('leaves a report of a run that does not end', async () => {
    await aRun('sunday', { hoursAgo: 54 });
    await headlineOf('nightly');
    await aRun('monday', { hoursAgo: 7, state: 'running', endedHoursAgo: 0 });
    await look();
    expect(latest()).toContain('0 of 2 jobs done. It is still running.');
    expect(latest()).not.toContain('should be over');

    await look({ longestMs: 6 * HOUR });
    expect(latest()).toContain('0 of 2 jobs done. It is still running. nightly should be over.');
    const { decisions } = await reportOf('nightly');
    expect(decisions).toMatchObject([{ kind: 'late', commands: [{ say: 'see how it stands' }, {}] }]);
    await ledger.setBatchState(idOf('monday'), 'completed', 'batch');
    expect(await headlineOf('nightly')).not.toContain('should be over');
  });

  test('leaves one of a night that did not happen, until a run begins', async () => {
    await aRun('monday', { hoursAgo: 30 });
    clock = ago(0);
    await look();
    const said = 'The night of nightly did not happen. The run before it: all 2 jobs done.';
    expect(latest()).toContain(said);
    const { headline, decisions } = await reportOf('nightly');
    expect(headline).toContain(said);
    expect(decisions).toMatchObject([
      { kind: 'missed', why: expect.stringMatching(/^Looked at .* ago\.$/) as string },
    ]);

    await start('tuesday', 4);
    await look();
    expect(latest(), 'why says more than that').toContain(`role="status">${FAILED} The run before it:`);
    expect((await reportOf('nightly')).decisions).toHaveLength(1);

    started += HOUR;
    await aRun('tuesday', { hoursAgo: 0, endedHoursAgo: 0 });
    expect(await headlineOf('nightly')).toBe(DONE);
  });

  test('leaves one of a batch that never had a run, in one file however often it is looked', async () => {
    clock = ago(1);
    await look();
    clock = ago(0);
    await look();
    await reportNight({ nameOrId: 'nightly' }, connections());
    const [day = '', time = ''] = localTime(ago(1)).split(' ');
    expect(pages()).toEqual([`nightly-${day}-${time.replaceAll(':', '')}-000000.html`]);
    expect(latest()).toMatch(/This night never started\. Looked at .*: the night did not happen: no run/);
    await expect(reportOf('weekly')).rejects.toThrow('no batch "weekly"');
  });

  test('finds in it that a start had nothing to do', async () => {
    await aRun('monday', { hoursAgo: 30 });
    await start('monday', 2, 'already-completed');
    clock = ago(0);
    await look();
    expect(await headlineOf('nightly')).toBe(`${DONE} The night of nightly did nothing.`);
  });

  test('is told that it could not be written, and hears of the night all the same', async () => {
    await aRun('monday', { hoursAgo: 30 });
    writeFileSync(join(folder, 'reports'), 'no folder');
    clock = ago(0);
    const findings = await look();
    expect(findings.map(({ status }) => status)).toEqual(['fail', 'warn']);
    expect(findings[1]?.detail).toMatch(/^its report could not be written: /);
    expect((await ledger.alerts({ open: true })).map(({ rule }) => rule)).toEqual(['missed']);
  });
});

describe('a start that fails', () => {
  async function aBatch() {
    const file = join(folder, 'batch.yaml');
    writeFileSync(
      file,
      `name: nightly
work: article
identity: [slug]
jobs: [{ slug: one }]
agent: { use: command, command: [sh] }
effects: [{ name: post, use: folder, target: ./public, with: { path: a.md } }]
`,
    );
    writeFileSync(join(folder, 'engine'), 'no folder'); // so no engine can be started there
    const nightshift = createNightshift({ state: folder, env: { PATH: process.env['PATH'] } });
    onTestFinished(() => nightshift.close());
    return { nightshift, batch: await nightshift.read(file) };
  }
  const verb = async () => {
    const { shell, out } = aShell({ state: folder, color: false });
    return { code: await reportVerb('nightly', {}, shell), out: out() };
  };
  const saying = (text: string) => expect.stringContaining(text) as string;

  test('leaves a report, and "report" ends with 2 until a run came of one', async () => {
    const { nightshift, batch } = await aBatch();
    await expect(nightshift.start(batch)).rejects.toThrow(EngineUnavailable);
    await expect(nightshift.run(batch)).rejects.toThrow(EngineUnavailable);
    expect(latest()).toMatch(/This night never started\. \S+ started it at .*, and that failed: /);
    expect(await verb()).toMatchObject({ code: 2, out: saying('This night never started') });

    started = Date.now();
    await aRun('monday', { hoursAgo: 0, endedHoursAgo: 0 });
    expect(await verb()).toMatchObject({ code: 0, out: saying(DONE) });
    await expect(nightshift.start(batch)).rejects.toThrow(EngineUnavailable);
    expect(latest()).toContain(`role="status">${FAILED} The run before it:`);
    expect(await verb()).toMatchObject({ code: 2, out: saying(`nightly: ${FAILED}`) });
  });
});
