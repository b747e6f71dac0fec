// Nights on a real engine: what a schedules file makes of it, and what comes of a night that meets another.
import { getEventListeners } from 'node:events';
import { appendFileSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScheduleHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createNightshift, type Nightshift } from '../../src/index.js';
import { optionsOf, scheduleId } from '../../src/client/schedules/engine-schedule.js';
import { Connections } from '../../src/client/connections.js';
import { WorkerHost } from '../../src/client/worker-host.js';
import { resolveConfig } from '../../src/config.js';
import type { ScheduleDefinition } from '../../src/contract/schedules-file.js';
import { HOUR_MS } from '../../src/contract/units.js';
import { lastFires } from '../../src/policy/fire-times.js';
import { nightOf } from '../../src/policy/nights.js';
import { tempDir, writeBatch, type TestBatch } from '../support/batch.js';
import { until } from '../support/cli.js';
import { withEngine } from '../support/engine.js';
import { startReceiver } from '../support/servers/receiver.js';
import { NIGHTLY } from '../unit/schedule-fixture.js';

const root = tempDir();
const state = join(root, 'state');
let nightshift: Nightshift;
let host: WorkerHost;

/** How far the worker's clock is from the real one. */
let clockOffsetMs = 0;
const env: NodeJS.ProcessEnv = { ...process.env, NIGHTSHIFT_ENGINE_IDLE_SECONDS: '5' };
const connections = new Connections(resolveConfig({ state }, env), () => undefined);

async function startHost(): Promise<WorkerHost> {
  const now = () => new Date(Date.now() + clockOffsetMs);
  const log = { level: 'ERROR', write: (line: string) => console.error(line) } as const;
  const started = new WorkerHost(connections, log, { now });
  await started.start();
  return started;
}

beforeAll(async () => {
  nightshift = createNightshift({ state, env });
  host = await startHost();
});
afterAll(async () => {
  await host.stop();
  await nightshift.close();
  await connections.close();
});

/** A batch whose jobs have an edition, and whose agent waits until `go` is called. */
function nightlyBatch(name: string, { gated = false } = {}): TestBatch & { go(): void; block(): void } {
  const before = gated ? 'while [ ! -e go ]; do sleep 0.05; done' : '';
  const batch = writeBatch({
    name,
    work: name,
    slugs: ['one', 'two'],
    seconds: 0,
    before,
    dir: join(root, name),
  });
  const text = readFileSync(batch.file, 'utf8')
    .replace('jobs:', 'identity: [site, category, slug, edition]\njobs:')
    .replace('{{ slug }}.md', '{{ slug }}-{{ edition }}.md');
  writeFileSync(batch.file, text);
  return {
    ...batch,
    go: () => writeFileSync(join(batch.dir, 'go'), ''),
    block: () => rmSync(join(batch.dir, 'go'), { force: true }),
  };
}

/** Writes a schedules file of one schedule and applies it. */
async function applied(name: string, fields: string): Promise<string> {
  const file = join(root, name, 'schedules.yaml');
  writeFileSync(
    file,
    `timeZone: Europe/Berlin\nschedules:\n  - { name: ${name}, batch: ./batch.yaml, ${fields} }\n`,
  );
  await nightshift.schedules.apply(file);
  return file;
}

const AT_0230 = 'when: { at: "02:30" }';

/** As the schedule itself would start the nights of a span. */
const due = (name: string, from: string, to: string): Promise<void> =>
  withEngine(state, async (client) => {
    const handle: ScheduleHandle = client.schedule.getHandle(scheduleId(name));
    await handle.backfill({ start: new Date(from), end: new Date(to), overlap: 'ALLOW_ALL' });
  });

const outcomes = async (name: string): Promise<string[]> =>
  (await nightshift.schedules.status(name)).nights.map(({ edition, outcome }) => `${edition} ${outcome}`);

const settled = (name: string, expected: readonly string[]): Promise<void> =>
  until(`${name}: ${expected.join(', ')}`, async () => {
    return JSON.stringify(await outcomes(name)) === JSON.stringify(expected);
  });

const finished = (name: string, count: number): Promise<void> =>
  until(`${count} batches of ${name} are done`, async () => {
    const batches = (await nightshift.list()).filter((batch) => batch.name === name);
    return batches.filter(({ state: of }) => of === 'completed').length === count;
  });

test('a file applied twice changes nothing; an edit is shown; what left the file stays until deleting is asked for', async () => {
  nightlyBatch('declared');
  const file = await applied('declared', AT_0230);
  const actions = async (options = {}) =>
    (await nightshift.schedules.apply(file, options)).map(({ action, differences }) => [
      action,
      ...differences,
    ]);
  const atEngine = () =>
    withEngine(state, async (client) => {
      const { info, policies } = await client.schedule.getHandle(scheduleId('declared')).describe();
      const inBerlin = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', timeStyle: 'short' });
      return { ...policies, next: inBerlin.format(info.nextActionTimes[0]) };
    });
  const engineRules = { overlap: 'ALLOW_ALL', pauseOnFailure: false };
  expect(await actions()).toEqual([['none']]);
  expect(await atEngine()).toEqual({ ...engineRules, catchupWindow: 4 * HOUR_MS, next: '02:30' });

  writeFileSync(
    file,
    readFileSync(file, 'utf8')
      .replace('at: "02:30"', 'at: "03:45"')
      .replace('} }', '}, overlap: queue, catchUp: 3h }'),
  );
  const edited = [
    [
      'update',
      'when: at 02:30 -> at 03:45',
      'overlap: skip -> queue',
      'catchUp: 4h -> 3h',
      'staleAfter: 4h -> 3h',
    ],
  ];
  expect(await actions({ dryRun: true })).toEqual(edited);
  expect((await atEngine()).next).toBe('02:30');
  expect(await actions()).toEqual(edited);
  expect(await actions()).toEqual([['none']]);
  expect(await atEngine()).toEqual({ ...engineRules, catchupWindow: 3 * HOUR_MS, next: '03:45' });

  // As an older release has left it.
  await withEngine(state, (client) =>
    client.schedule.getHandle(scheduleId('declared')).update(({ action, ...rest }) => {
      const [input] = (action.args ?? []) as { schedule: unknown }[];
      return { ...rest, action: { ...action, args: [{ schedule: input?.schedule }] } };
    }),
  );
  expect(await actions()).toEqual([['update', expect.stringContaining('times at the engine')]]);
  expect(await actions()).toEqual([['none']]);

  await nightshift.schedules.pause('declared', 'moving house');
  expect(await actions()).toEqual([['none']]);
  const paused = await nightshift.schedules.status('declared');
  expect(paused).toMatchObject({ paused: true });
  expect(paused.note).toContain('moving house');
  await nightshift.schedules.resume('declared');

  const running = readFileSync(file, 'utf8');
  writeFileSync(file, running.replace('catchUp: 3h }', 'catchUp: 3h, paused: true }'));
  expect(await actions()).toEqual([['update', 'paused: false -> true']]);
  await nightshift.schedules.resume('declared');
  const resumed = [['update', 'paused: resumed by hand -> true']];
  expect(await actions({ dryRun: true })).toEqual(resumed);
  expect(await actions()).toEqual(resumed);
  expect(await actions()).toEqual([['none']]);
  expect(await nightshift.schedules.status('declared')).toMatchObject({ paused: true });
  writeFileSync(file, running);
  expect(await actions()).toEqual([['update', 'paused: true -> false']]);
  expect(await nightshift.schedules.status('declared')).toMatchObject({ paused: false });

  writeFileSync(file, 'timeZone: UTC\nschedules: []\n');
  await until('the schedule is listed', async () => (await nightshift.schedules.list()).length > 0);
  expect(await actions()).toEqual([['keep']]);
  expect(await actions({ remove: true })).toEqual([['delete']]);
  await expect(nightshift.schedules.status('declared')).rejects.toThrow('no schedule "declared"');
});

test('a batch file that can not be read is refused when it is applied, with the place that names it', async () => {
  const dir = tempDir();
  const file = join(dir, 'schedules.yaml');
  writeFileSync(
    file,
    'timeZone: UTC\nschedules:\n  - { name: gone, batch: ./gone.yaml, when: { at: "02:30" } }\n',
  );
  await expect(nightshift.schedules.apply(file)).rejects.toThrow(/schedules\.yaml:3:\d+: .*gone\.yaml/);
});

describe('each local time of a year is started when ours says', () => {
  const [start, end] = [new Date('2026-12-01'), new Date('2027-12-01')];
  /** The engine names a thousand times at once; the clocks of some days are changed. */
  const ANSWERED = 900;

  /** When the engine would start a schedule of these times. @param perDay so many of them */
  async function engineTimes(definition: ScheduleDefinition, perDay: number): Promise<Date[]> {
    const answeredMs = Math.floor(ANSWERED / perDay) * 24 * 3_600_000;
    return withEngine(state, async (client) => {
      const handle = await client.schedule.create({
        ...optionsOf(definition, connections.config.taskQueue),
        state: { paused: true },
      });
      const second = (ms: number) => ({ seconds: Math.floor(ms / 1000) as never });
      const times: Date[] = [];
      for (let from = start.getTime(); from < end.getTime(); from += answeredMs) {
        const { startTime } = await client.workflowService.listScheduleMatchingTimes({
          namespace: client.options.namespace,
          scheduleId: handle.scheduleId,
          startTime: second(from - 1000), // what comes after it
          endTime: second(Math.min(from + answeredMs, end.getTime()) - 1000),
        });
        times.push(...(startTime ?? []).map(({ seconds }) => new Date(Number(seconds) * 1000)));
      }
      await handle.delete();
      return times;
    });
  }

  const CRONS = [
    '0 0 * * *',
    '30 0 * * *',
    '30 1 * * *',
    '45 1 * * *',
    '30 2 * * *',
    '50 2 * * *',
    '0 3 * * *',
  ];
  const LISTS = [
    ...CRONS.map((cron) => ({ crons: [cron], perDay: 1 })),
    { crons: CRONS, perDay: CRONS.length },
    { crons: ['*/30 0-4 * * *'], perDay: 10 },
    { crons: ['20 * * * *'], perDay: 24 },
  ];

  test.each([
    'Africa/Cairo',
    'Africa/Casablanca',
    'America/Havana',
    'America/Los_Angeles',
    'America/New_York',
    'America/Santiago',
    'America/St_Johns',
    'Antarctica/Troll',
    'Asia/Beirut',
    'Asia/Kathmandu',
    'Atlantic/Azores',
    'Australia/Lord_Howe',
    'Australia/Sydney',
    'Europe/Berlin',
    'Europe/London',
    'Europe/Madrid',
    'Pacific/Chatham',
    'UTC',
  ])('in %s', async (timeZone) => {
    for (const { crons, perDay } of LISTS) {
      const definition = {
        ...NIGHTLY,
        name: `clock-${Math.random()}`,
        crons,
        timeZone,
        since: start.toISOString(),
      };
      const engine = await engineTimes(definition, perDay);
      const nights = new Set<string>();
      const first = engine.filter((at) => {
        const night = nightOf(at, timeZone);
        return !nights.has(night) && nights.add(night); // a second one is `repeated`
      });
      const ours = lastFires(definition, start, new Date(end.getTime() - 1000));
      const [theirs, known] = [first, ours].map((times) => times.map((at) => at.toISOString()));
      expect(theirs?.filter((at) => !known?.includes(at))).toEqual([]);
      expect(known?.filter((at) => !theirs?.includes(at))).toEqual([]);
      if (CRONS.includes(crons.join())) expect(ours).toHaveLength(365);
    }
  });
});

test('a week of nights and the days around the other clock change: each edition once, and none again', async () => {
  const batch = nightlyBatch('weeks');
  await applied('weeks', AT_0230);
  const spans = [
    { from: '2026-10-22', to: '2026-10-28', count: 7 },
    { from: '2026-03-28', to: '2026-03-30', count: 3 },
  ];
  for (const { count, ...span } of spans) {
    const { ends } = await nightshift.schedules.backfill('weeks', span);
    expect(ends.map(({ outcome }) => outcome)).toEqual(Array(count).fill('started'));
  }
  await finished('weeks', 10);
  expect(batch.sessions()).toHaveLength(20);
  expect(batch.published()).toHaveLength(20);

  const again = await nightshift.schedules.backfill('weeks', { from: '2026-03-28', to: '2026-03-30' });
  expect(again.nights).toEqual(['2026-03-28T02:30', '2026-03-29T03:00', '2026-03-30T02:30']);
  expect(again.ends.map(({ outcome }) => outcome)).toEqual(Array(3).fill('finished'));
  expect(batch.sessions()).toHaveLength(20);
});

test('a trigger in the middle of a run joins it, and after its end does nothing, also where no run could start', async () => {
  const batch = nightlyBatch('triggered', { gated: true });
  const text = readFileSync(batch.file, 'utf8');
  writeFileSync(batch.file, text.replace('60s }', '60s, env: { TOKEN: "${env:NIGHT_TOKEN}" } }'));
  env['NIGHT_TOKEN'] = 'token-of-the-night';
  await applied('triggered', AT_0230);
  const trigger = async () =>
    (await nightshift.schedules.trigger('triggered')).ends.map(({ outcome }) => outcome);
  expect(await trigger()).toEqual(['started']);
  await until('both jobs are at work', () => batch.sessions().length === 2);
  delete env['NIGHT_TOKEN'];
  expect(await trigger()).toEqual(['joined']);
  // The Web UI's own button has no nominal time but now.
  await withEngine(state, (client) => client.schedule.getHandle(scheduleId('triggered')).trigger());
  batch.go();
  await finished('triggered', 1);
  expect(await trigger()).toEqual(['finished']);
  expect(batch.sessions()).toHaveLength(2);
  expect(await outcomes('triggered')).toHaveLength(1);

  const other = await nightshift.schedules.backfill('triggered', { from: '2026-11-10', to: '2026-11-10' });
  expect(other.ends[0]).toMatchObject({ outcome: 'failed' });
  expect(other.ends[0]?.why).toContain('NIGHT_TOKEN');
});

const LATE_IS_FINE = 'staleAfter: 9000h';

test('overlap skip: a night that comes while another runs is noted as skipped', async () => {
  const batch = nightlyBatch('skips', { gated: true });
  await applied('skips', `${AT_0230}, overlap: skip, ${LATE_IS_FINE}`);
  await due('skips', '2026-11-10T00:00:00Z', '2026-11-10T12:00:00Z');
  await settled('skips', ['2026-11-10 started']);
  await due('skips', '2026-11-11T00:00:00Z', '2026-11-11T12:00:00Z');
  await settled('skips', ['2026-11-10 started', '2026-11-11 skipped']);
  batch.go();
  await finished('skips', 1);
  expect(batch.sessions()).toHaveLength(2);
});

test('overlap queue: one night waits for its turn, a third is skipped', async () => {
  const batch = nightlyBatch('queues', { gated: true });
  await applied('queues', `${AT_0230}, overlap: queue, ${LATE_IS_FINE}`);
  await due('queues', '2026-11-10T00:00:00Z', '2026-11-10T12:00:00Z');
  await settled('queues', ['2026-11-10 started']);
  await due('queues', '2026-11-11T00:00:00Z', '2026-11-11T12:00:00Z');
  await settled('queues', ['2026-11-10 started', '2026-11-11 queued']);
  await due('queues', '2026-11-12T00:00:00Z', '2026-11-12T12:00:00Z');
  await settled('queues', ['2026-11-10 started', '2026-11-11 queued', '2026-11-12 skipped']);
  batch.go();
  await finished('queues', 2);
  await settled('queues', ['2026-11-10 started', '2026-11-11 started', '2026-11-12 skipped']);
  expect(batch.sessions()).toHaveLength(4);
});

test('a night that waited while its schedule was deleted, or paused, changes nothing of that', async () => {
  const batches = ['deleted', 'halted'].map((name) => ({ name, ...nightlyBatch(name, { gated: true }) }));
  for (const { name } of batches) {
    await applied(name, `${AT_0230}, overlap: queue, ${LATE_IS_FINE}`);
    await due(name, '2026-11-10T00:00:00Z', '2026-11-10T12:00:00Z');
    await settled(name, ['2026-11-10 started']);
    await due(name, '2026-11-11T00:00:00Z', '2026-11-11T12:00:00Z');
    await settled(name, ['2026-11-10 started', '2026-11-11 queued']);
  }
  await nightshift.schedules.delete('deleted');
  await nightshift.schedules.pause('halted');
  for (const batch of batches) batch.go();
  for (const { name } of batches) await finished(name, 2);
  const kept = await (await connections.ledger()).keptSchedules();
  expect(kept.filter(({ definition: { name } }) => name === 'deleted')).toEqual([]);
  expect(kept).toContainEqual(expect.objectContaining({ batchName: 'halted', paused: true }));
});

test('a night that comes after another waits until that one is done, and is left out when it is not in time', async () => {
  const first = nightlyBatch('upstream', { gated: true });
  const then = { patient: nightlyBatch('patient'), hurried: nightlyBatch('hurried') };
  const file = join(first.dir, 'schedules.yaml');
  const common = `${AT_0230}, ${LATE_IS_FINE}`;
  writeFileSync(
    file,
    `timeZone: Europe/Berlin
schedules:
  - { name: upstream, batch: ./batch.yaml, ${common} }
  - { name: patient, batch: ../patient/batch.yaml, ${common}, after: { schedule: upstream } }
  - { name: hurried, batch: ../hurried/batch.yaml, ${common}, after: { schedule: upstream, within: 1s } }
`,
  );
  await nightshift.schedules.apply(file);
  const span = ['2026-11-10T00:00:00Z', '2026-11-10T12:00:00Z'] as const;
  await due('upstream', ...span);
  await settled('upstream', ['2026-11-10 started']);
  await due('patient', ...span);
  await due('hurried', ...span);
  await settled('patient', ['2026-11-10 queued']);
  await settled('hurried', ['2026-11-10 skipped']);
  const why = async (name: string) => (await nightshift.schedules.status(name)).nights.at(-1)?.why;
  expect(await why('patient')).toMatch(
    /^waits until .* at most: the night of 2026-11-10 02:30 .* is running$/,
  );
  expect(await why('hurried')).toMatch(/^what it comes after is not done after .* is running$/);
  expect(then.patient.sessions()).toEqual([]);

  // A worker that takes the place of another goes on waiting.
  await host.stop();
  host = await startHost();
  first.go();
  await finished('patient', 1);
  await settled('patient', ['2026-11-10 started']);
  expect(then.patient.sessions()).toHaveLength(2);
  expect(then.hurried.sessions()).toEqual([]);

  // Once it is done, who asks for the night that was left out gets it.
  const { ends } = await nightshift.schedules.backfill('hurried', { from: '2026-11-10', to: '2026-11-10' });
  expect(ends.map(({ outcome }) => outcome)).toEqual(['started']);
  await finished('hurried', 1);
});

test('overlap attach: the night that runs serves the one that comes', async () => {
  const batch = nightlyBatch('attaches', { gated: true });
  await applied('attaches', `${AT_0230}, overlap: attach, ${LATE_IS_FINE}`);
  await due('attaches', '2026-11-10T00:00:00Z', '2026-11-10T12:00:00Z');
  await settled('attaches', ['2026-11-10 started']);
  await due('attaches', '2026-11-11T00:00:00Z', '2026-11-11T12:00:00Z');
  await settled('attaches', ['2026-11-10 started', '2026-11-11 attached']);
  batch.go();
  await finished('attaches', 1);
});

test('overlap cancel-older: the older night is cancelled, then the new one runs', async () => {
  const batch = nightlyBatch('cancels', { gated: true });
  await applied('cancels', `${AT_0230}, overlap: cancel-older, ${LATE_IS_FINE}`);
  await due('cancels', '2026-11-10T00:00:00Z', '2026-11-10T12:00:00Z');
  await settled('cancels', ['2026-11-10 started']);
  await until('its agents run', () => batch.sessions().length === 2);
  await due('cancels', '2026-11-11T00:00:00Z', '2026-11-11T12:00:00Z');
  await settled('cancels', ['2026-11-10 started', '2026-11-11 started']);
  batch.go();
  await finished('cancels', 1);
  const states = (await nightshift.list()).filter(({ name }) => name === 'cancels').map((row) => row.state);
  expect(states).toEqual(['completed', 'cancelled']);
  expect(batch.published().every((path) => path.includes('2026-11-11'))).toBe(true);
  const asked = (await nightshift.requests()).filter(({ what }) => what === 'cancel');
  expect(asked, 'its night and its run both know of it').toMatchObject([
    {
      by: 'schedule:cancels',
      reason: 'the night 2026-11-11T02:30 takes its place',
      batch: { name: 'cancels' },
    },
  ]);
});

test('a night that a worker takes too late is stale, and the batch file gone at night is said', async () => {
  const batch = nightlyBatch('stale');
  const file = await applied('stale', AT_0230);
  await due('stale', '2026-11-10T00:00:00Z', '2026-11-10T12:00:00Z');
  await settled('stale', ['2026-11-10 stale']);
  expect(batch.sessions()).toEqual([]);

  rmSync(batch.file);
  const { ends } = await nightshift.schedules.backfill('stale', { from: '2026-11-11', to: '2026-11-11' });
  expect(ends[0]).toMatchObject({ outcome: 'failed' });
  expect(ends[0]?.why).toContain('no such file');
  expect(file).toContain('stale');
});

test('a night whose list is empty has nothing to do: it is served, and the monitor hears that it went well', async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.stop());
  const batch = nightlyBatch('listed');
  const list = join(batch.dir, 'list.jsonl');
  const jobs = '{ command: [cat, list.jsonl] }\nagent:';
  const text = readFileSync(batch.file, 'utf8').replace(/jobs:[^]*?\nagent:/, `jobs: ${jobs}`);
  writeFileSync(batch.file, `${text}\ndeadMan: { url: ${receiver.url}/ping }\n`);
  writeFileSync(list, '');
  await applied('listed', `${AT_0230}, ${LATE_IS_FINE}`); // is not refused
  await due('listed', '2026-11-10T00:00:00Z', '2026-11-10T12:00:00Z');
  await settled('listed', ['2026-11-10 empty']);
  const [night] = (await nightshift.schedules.status('listed')).nights;
  expect(night?.why).toBe('nothing to do: output of "cat list.jsonl" lists no jobs');
  await until('the monitor was told', () => receiver.got.length > 0);
  expect(receiver.got.map(({ url }) => url.split('?')[0])).toEqual(['/ping']);
  expect((await nightshift.alerts({ name: 'listed' })).alerts).toEqual([]);

  // Who asks for that night again gets what is listed then.
  writeFileSync(list, '{ "site": "blog", "category": "a", "slug": "one" }\n');
  const { ends } = await nightshift.schedules.backfill('listed', { from: '2026-11-10', to: '2026-11-10' });
  expect(ends.map(({ outcome }) => outcome)).toEqual(['started']);
  await finished('listed', 1);
  expect(batch.sessions()).toHaveLength(1);
});

test('a signal that stops the watches of many nights keeps nothing of those that are over', async () => {
  const { file } = writeBatch({
    name: 'watched',
    work: 'watched',
    slugs: ['one'],
    dir: join(root, 'watched'),
  });
  const { signal } = new AbortController();
  await nightshift.run(await nightshift.read(file), { by: 'test', signal });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

describe('weeks gone by, lived through by a worker whose clock is set back', () => {
  const MINUTE = 60_000;

  /** A schedule that has been there since then, and a batch that tells somebody. */
  async function since(name: string, from: string) {
    const batch = nightlyBatch(name, { gated: true });
    batch.go();
    appendFileSync(
      batch.file,
      "\nalerts: [{ use: command, command: [sh, -c, 'cat >> alerts.jsonl; echo >> alerts.jsonl'] }]\n",
    );
    const file = await applied(name, AT_0230);
    const { definition } = await nightshift.schedules.status(name);
    await withEngine(state, (client) =>
      client.schedule.getHandle(scheduleId(name)).update(({ state: as }) => {
        const { scheduleId: _, ...options } = optionsOf(
          { ...definition, since: from },
          connections.config.taskQueue,
        );
        return { ...options, state: as };
      }),
    );
    await nightshift.schedules.apply(file); // as its schedule at the engine, so is what is kept of it
    const alertsFile = join(batch.dir, 'alerts.jsonl');
    const alerts = (): string[] =>
      existsSync(alertsFile)
        ? readFileSync(alertsFile, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line) as { type: string; data: { rule: string } })
            .map(({ type, data }) => `${type.split('.').at(-1)} ${data.rule}`)
        : [];
    return { ...batch, alerts };
  }

  const itIs = (iso: string): void => {
    clockOffsetMs = Date.parse(iso) - Date.now();
  };

  /** The engine is up, and the time has come. */
  async function comesDue(name: string, iso: string): Promise<void> {
    itIs(new Date(Date.parse(iso) + MINUTE).toISOString());
    await due(name, new Date(Date.parse(iso) - MINUTE).toISOString(), iso);
  }

  const reportsOf = (name: string): string[] => {
    const folder = join(state, 'reports');
    return readdirSync(folder)
      .filter((file) => file.startsWith(`${name}-`) && !file.includes('latest'))
      .map((file) => readFileSync(join(folder, file), 'utf8'));
  };
  /** How many reports say that they are of that night. */
  const named = (name: string, night: string): number =>
    reportsOf(name).filter((page) => new RegExp(`Nights? of [^<]*${night} \\(Europe/Berlin\\)`).test(page))
      .length;

  const leave = async (name: string): Promise<void> => {
    await nightshift.schedules.delete(name);
    clockOffsetMs = 0;
  };

  test('three days off over the end of summer time: the nights are told, reported, and made up for once', async () => {
    const name = 'autumn';
    const batch = await since(name, '2026-10-20T12:00:00Z');
    const nights = [21, 22, 23, 24, 25, 26, 27].map((day) => `2026-10-${day}`);

    await comesDue(name, '2026-10-21T00:30:00Z');
    await finished(name, 1);
    // Somebody asks for the night while it runs: it is joined.
    batch.block();
    await comesDue(name, '2026-10-22T00:30:00Z');
    await until('its agents run', () => batch.sessions().length === 4);
    const joined = await nightshift.schedules.backfill(name, { from: '2026-10-22', to: '2026-10-22' });
    expect(joined.ends.map(({ outcome }) => outcome)).toEqual(['joined']);
    batch.go();
    await finished(name, 2);
    await comesDue(name, '2026-10-23T00:30:00Z');
    await finished(name, 3);
    expect(batch.alerts()).toEqual([]);

    // Friday morning to Monday afternoon: no worker, and nothing comes due.
    await host.stop();
    itIs('2026-10-26T16:00:00Z');
    host = await startHost();
    await until('somebody was told', () => batch.alerts().length > 0);
    await until('each missed night has its report', () =>
      nights.every((night, at) => at === 6 || named(name, `${night} 02:30`) === 1),
    );
    await comesDue(name, '2026-10-27T01:30:00Z');
    await finished(name, 4);
    await until('and told that nights are well again', () => batch.alerts().length > 1);
    expect(batch.alerts()).toEqual(['opened missed', 'recovered missed']);

    // The command of the report; then a night that is done, once more.
    const missed = reportsOf(name).find((page) => page.includes('This night never started')) ?? '';
    expect(missed).toContain(
      `nightshift schedule backfill ${name} --from 2026-10-24T02:30 --to 2026-10-26T02:30`,
    );
    const span = { from: '2026-10-24T02:30', to: '2026-10-26T02:30' };
    const made = await nightshift.schedules.backfill(name, span);
    expect(made.ends.map(({ outcome }) => outcome)).toEqual(['started', 'started', 'started']);
    await finished(name, 7);
    const again = await nightshift.schedules.backfill(name, { from: '2026-10-23', to: '2026-10-24' });
    expect(again.ends.map(({ outcome }) => outcome)).toEqual(['finished', 'finished']);

    const batches = (await nightshift.list()).filter((row) => row.name === name);
    expect(batches.map((row) => row.state)).toEqual(Array(7).fill('completed'));
    expect(batch.published()).toHaveLength(2 * nights.length);
    expect(batch.sessions()).toHaveLength(2 * nights.length);
    for (const night of nights) {
      expect(
        batch.published().filter((path) => path.includes(night)),
        night,
      ).toHaveLength(2);
      await until(`one report of ${night}`, () => named(name, `${night} 02:30`) === 1);
    }
    expect(reportsOf(name).filter((page) => page.includes('This night never started'))).toEqual([]);
    expect(batch.alerts()).toHaveLength(2);
    await leave(name);
  });

  test('the days around the beginning of summer time: each night once, with a report that names it', async () => {
    const name = 'spring';
    const batch = await since(name, '2026-03-27T12:00:00Z');
    const nights = ['2026-03-28 02:30', '2026-03-29 03:00', '2026-03-30 02:30'];
    for (const [at, iso] of [
      '2026-03-28T01:30:00Z',
      '2026-03-29T01:00:00Z',
      '2026-03-30T00:30:00Z',
    ].entries()) {
      await comesDue(name, iso);
      await finished(name, at + 1);
    }
    for (const night of nights) await until(`one report of ${night}`, () => named(name, night) === 1);
    expect(batch.published()).toHaveLength(6);
    expect(batch.alerts()).toEqual([]);
    await leave(name);
  });
});
