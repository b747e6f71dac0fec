// When schedules are due, what edition a night gets, what is missing, and what is wrong with a schedules file.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { schedulesJsonSchema } from '../../src/batch/json-schema.js';
import { readBatch } from '../../src/batch/read-batch.js';
import { readSchedules } from '../../src/batch/read-schedules.js';
import { createNightshift } from '../../src/client/nightshift.js';
import { InvalidBatch } from '../../src/contract/errors.js';
import { openLedger } from '../../src/ledger/open.js';
import { fireTimes, clockChangeTimes, lastFire, nextFire } from '../../src/policy/fire-times.js';
import { missedNights } from '../../src/policy/missed-nights.js';
import { editionOf, nightOf } from '../../src/policy/nights.js';
import { firePage } from '../../src/report/fire-page.js';
import { tempDir, writeBatch } from '../support/batch.js';
import { NIGHTLY } from './schedule-fixture.js';

const at0230 = (timeZone: string) => ({ crons: ['30 2 * * *'], timeZone });

describe('when a schedule is due', () => {
  test.each([
    ['Europe/Berlin', '2026-10-25', 'clocks go back', ['2026-10-25T02:30']],
    ['Europe/Berlin', '2027-03-28', 'clocks jump', ['2027-03-28T03:00']],
    ['America/New_York', '2027-03-14', 'clocks jump', ['2027-03-14T03:00']],
    ['America/New_York', '2026-11-01', 'clocks go back', ['2026-11-01T02:30']],
    ['Australia/Lord_Howe', '2026-10-04', 'clocks jump half an hour', ['2026-10-04T02:30']],
    ['Europe/Berlin', '2026-12-01', 'nothing happens', ['2026-12-01T02:30']],
  ])('02:30 in %s on %s, when %s, is one night', (timeZone, day, _, nights) => {
    const from = new Date(`${day}T00:00:00Z`);
    const fires = fireTimes(
      at0230(timeZone),
      new Date(from.getTime() - 14 * 3_600_000),
      new Date(from.getTime() + 38 * 3_600_000),
    );
    expect(fires.map((at) => nightOf(at, timeZone)).filter((night) => night.startsWith(day))).toEqual(nights);
  });

  test('01:30 in New York, which comes twice, is one night', () => {
    const due = { crons: ['30 1 * * *'], timeZone: 'America/New_York' };
    const fires = fireTimes(due, new Date('2026-11-01T00:00:00Z'), new Date('2026-11-02T00:00:00Z'));
    expect(fires.map((at) => at.toISOString())).toEqual(['2026-11-01T05:30:00.000Z']);
  });

  test('where clocks change, what is due is named to the engine as an instant, and the minutes around it are not', () => {
    const from = new Date('2026-11-23T00:00:00Z');
    const { due, never } = clockChangeTimes(at0230('Europe/Madrid'), from, 1);
    // 02:30 is skipped in March, and comes twice in October.
    expect(due.map((at) => at.toISOString())).toEqual([
      '2027-03-28T01:00:00.000Z',
      '2027-10-31T00:30:00.000Z',
    ]);
    const left = never.map(({ month, day, hour, minutes }) => [month, day, hour, minutes.length]);
    expect(left).toEqual([
      [3, 28, 3, 59],
      [10, 31, 2, 59],
      [10, 31, 3, 60],
    ]);
    for (const other of [at0230('UTC'), { crons: ['0 22 * * *'], timeZone: 'Europe/Madrid' }]) {
      expect(clockChangeTimes(other, from, 10)).toEqual({ due: [], never: [] });
    }
  });

  test('a file needs no time zone where each of its schedules has one', async () => {
    const file = join(tempDir(), 'schedules.yaml');
    const schedule = (name: string, more = '') =>
      `  - { name: ${name}, batch: ./b.yaml, when: { at: "02:30" }${more} }\n`;
    writeFileSync(file, `schedules:\n${schedule('a', ', timeZone: Europe/Madrid')}`);
    const { schedules } = await readSchedules(file);
    expect(schedules.map(({ timeZone }) => timeZone)).toEqual(['Europe/Madrid']);
    writeFileSync(file, `schedules:\n${schedule('a', ', timeZone: Europe/Madrid')}${schedule('b')}`);
    await expect(readSchedules(file)).rejects.toThrow(/schedules\.yaml:3:\d+: .*timeZone.* is missing/);
  });

  test('a trigger after midnight means the night that began before it', () => {
    const due = { crons: ['0 22 * * *'], timeZone: 'Europe/Berlin' };
    const last = lastFire(due, new Date('2026-11-24T00:00:00Z'));
    expect(last && nightOf(last, due.timeZone)).toBe('2026-11-23T22:00');
  });
});

test.each([
  ['date', '2026-12-31T23:30:00Z', '2027-01-01'],
  ['week', '2026-11-23T01:30:00Z', '2026-W48'],
  ['week', '2027-01-01T12:00:00Z', '2026-W53'],
  ['month', '2026-12-31T23:30:00Z', '2027-01'],
  ['time', '2026-12-31T23:30:00Z', '2027-01-01T00:30'],
  // The clock shows this half past two for the second time.
  ['time', '2026-10-25T01:30:00Z', '2026-10-25T02:30'],
] as const)('the %s edition of %s in Berlin is %s', (rule, at, edition) => {
  expect(editionOf(new Date(at), 'Europe/Berlin', rule)).toBe(edition);
});

test('nights that nobody spoke of are missed once they can not come any more, and late before', () => {
  const now = new Date('2026-11-24T02:30:00Z'); // 03:30 in Berlin: an hour after the last one
  const { late, gone } = missedNights(NIGHTLY, [{ night: '2026-11-22T02:30' }], now);
  expect(gone.map(({ night, outcome }) => [night, outcome])).toEqual([
    ['2026-11-21T02:30', 'missed'],
    ['2026-11-23T02:30', 'missed'],
  ]);
  expect(late.map(({ night }) => night)).toEqual(['2026-11-24T02:30']);
});

test('the newest nights of a schedule of every minute are looked at, not the first ones of two months', () => {
  const every = { ...NIGHTLY, crons: ['* * * * *'], timeZone: 'UTC', since: '2026-01-01T00:00:00Z' };
  const now = new Date('2026-11-24T02:30:00Z');
  const { late, gone } = missedNights(every, [], now);
  expect(late.at(-1)?.night).toBe('2026-11-24T02:20');
  expect([...gone, ...late]).toHaveLength(10_000);
});

describe('a schedules file', () => {
  const problemsOf = async (text: string): Promise<string[]> => {
    const dir = tempDir();
    writeFileSync(join(dir, 's.yaml'), text);
    try {
      await readSchedules('s.yaml', dir);
      return [];
    } catch (error) {
      if (!(error instanceof InvalidBatch)) throw error;
      return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
    }
  };
  const one = (fields: string) => `timeZone: UTC\nschedules:\n  - { name: a, batch: b.yaml, ${fields} }\n`;

  test.each([
    ['when: { at: "2:30" }', /3:\d+ .*time of day/],
    ['when: { cron: "@daily" }', /3:\d+ .*cron expression/],
    ['when: { cron: "61 2 * * *" }', /3:\d+ .*number that its field can’t have/],
    ['when: { cron: "0 2 1 * 1" }', /3:\d+ .*write two schedules/],
    ['when: { cron: "*/61 2 * * *" }', /3:\d+ .*number that its field can’t have/],
    ['when: { cron: "0 */25 * * *" }', /3:\d+ .*number that its field can’t have/],
    ['when: { cron: "5/15 2 * * *" }', /3:\d+ .*has a step after one number, .*write "5-59\/15"/],
    ['when: { cron: "0 1,3/4 * * *" }', /3:\d+ .*has a step after one number, .*write "3-23\/4"/],
    ['when: { cron: "30 2 31 2 *" }', /3:\d+ .*is never due/],
    ['when: { cron: "30 2 31 4,6-11/5 *" }', /3:\d+ .*is never due/],
    ['when: { at: "02:30" }, overlaps: skip', /3:\d+ .*overlaps/],
    ['when: { at: "02:30" }, timeZone: Berlin', /3:\d+ .*time zone/],
    ['when: { at: "02:30" }, catchUp: 1s', /3:\d+ .*at least 10s/],
    ['when: { at: "02:30" }, staleAfter: 0s', /3:\d+ .*at least 10s/],
    ['when: { at: "02:30" }, staleAfter: 1ms', /3:\d+ .*at least 10s/],
  ])('%s is refused at its place', async (fields, expected) => {
    const problems = await problemsOf(one(fields));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  test.each(['30 2 29 2 *', '30 2 31 2,3 *', '*/60 2 31 */12 *', '5-59/15 */24 */31 * *', '0 2 * * */7'])(
    '%s is due, and known to the library that says when',
    async (cron) => {
      const dir = tempDir();
      writeFileSync(join(dir, 's.yaml'), one(`when: { cron: "${cron}" }`));
      const { schedules } = await readSchedules('s.yaml', dir);
      expect(schedules.map((due) => nextFire(due, new Date()))).toEqual([expect.any(Date)]);
    },
  );

  test('two schedules of one name are refused, and so is a file that is not there', async () => {
    const twice = one('when: { at: "02:30" }') + '  - { name: a, batch: c.yaml, when: { at: "03:30" } }\n';
    expect((await problemsOf(twice)).join()).toContain('two schedules of one name');
    await expect(readSchedules('none.yaml', tempDir())).rejects.toThrow('no such file');
  });

  test('times of day and weekdays become expressions; the batch file becomes absolute', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 's.yaml'), one('when: { at: ["02:30", "14:00"], days: [mon, sun] }'));
    const { schedules } = await readSchedules('s.yaml', dir);
    expect(schedules[0]).toMatchObject({
      crons: ['30 2 * * 0,1', '0 14 * * 0,1'],
      batch: join(dir, 'b.yaml'),
      staleMs: 4 * 3_600_000,
    });
  });

  test('the published JSON Schema says the same; run `node scripts/write-schema.mjs` after a build', () => {
    const path = new URL('../../schema/schedules.schema.json', import.meta.url);
    const published: unknown = JSON.parse(readFileSync(path, 'utf8'));
    expect(published).toEqual(JSON.parse(JSON.stringify(schedulesJsonSchema())));
  });
});

test('a schedule that comes after another has a limit, and no circle', async () => {
  const file = join(tempDir(), 'schedules.yaml');
  const read = (...schedules: readonly string[]) => {
    const list = schedules.map((fields) => `  - { batch: ./b.yaml, when: { at: "02:30" }, ${fields} }\n`);
    writeFileSync(file, `timeZone: UTC\nschedules:\n${list.join('')}`);
    return readSchedules(file);
  };
  const { schedules } = await read('name: one', 'name: two, after: { schedule: one }');
  expect(schedules.map(({ after }) => after)).toEqual([
    undefined,
    { schedule: 'one', withinMs: 4 * 3_600_000, otherwise: 'skip' },
  ]);
  await expect(read('name: one, after: { schedule: two }')).rejects.toThrow(
    /:3:\d+.*\("two"\) is no schedule of this file/,
  );
  await expect(
    read('name: one, after: { schedule: two }', 'name: two, after: { schedule: one }'),
  ).rejects.toThrow('waits for this one itself');
  await expect(read('name: one, after: { schedule: one }')).rejects.toThrow('waits for this one itself');
  await expect(read('name: one, edition: week', 'name: two, after: { schedule: one }')).rejects.toThrow(
    'has the edition "week", and this one "date"',
  );
  await expect(read('name: one', 'name: two, after: { schedule: one, within: 72h }')).rejects.toThrow(
    'must be at most 48h',
  );
  const hourly = (name: string, hour: string) =>
    `name: ${name}, edition: time, when: { cron: "0 ${hour} * * *" }`;
  expect(
    (await read(hourly('one', '*'), `${hourly('two', '*')}, after: { schedule: one }`)).schedules,
  ).toHaveLength(2);
  await expect(read(hourly('one', '1'), `${hourly('two', '5')}, after: { schedule: one }`)).rejects.toThrow(
    'has other times, or another time zone',
  );
  const [one, two] = [hourly('one', '*'), `${hourly('two', '*')}, after: { schedule: one }`];
  expect((await read(one, `${two}, timeZone: UTC`)).schedules, 'written or not').toHaveLength(2);
  await expect(read(one, `${two}, timeZone: Europe/Madrid`)).rejects.toThrow('another time zone');
});

describe('nights that find everything done by an earlier one are told before they come', () => {
  const from = new Date('2026-11-30T00:00:00Z');
  async function notesOf(schedule: string, batch: { readonly edition: boolean; readonly jobs?: string }) {
    const dir = tempDir();
    writeFileSync(join(dir, 'batch.yaml'), aBatchOf(batch));
    const file = join(dir, 's.yaml');
    const fields = `name: digest, batch: ./batch.yaml, ${schedule}`;
    writeFileSync(file, `timeZone: Europe/Madrid\nschedules: [{ ${fields} }]\n`);
    const nightshift = createNightshift({ state: join(dir, 'state') });
    const { notes } = await nightshift.schedules.preview({ file, from });
    await nightshift.close();
    return notes.map(({ schedule: name, text }) => `${name}: ${text}`);
  }
  const aBatchOf = ({ edition, jobs = '[{ site: blog }]' }: { edition: boolean; jobs?: string }) =>
    `name: digest
work: digest
identity: [site${edition ? ', edition' : ''}]
jobs: ${jobs}
agent: { use: command, command: [sh] }
effects: [{ name: post, use: folder, target: public, with: { path: '{{ site }}.md' } }]
`;
  const TWICE = "when: { at: ['02:30', '14:30'] }";

  test('two times of a day, in editions of a date', async () => {
    expect(await notesOf(TWICE, { edition: true })).toEqual([
      'digest: 2026-11-30 02:30 and 2026-11-30 14:30 are both of edition 2026-11-30: the later night does only what ' +
        'the earlier one left undone; with "edition: time" each is a night of its own',
    ]);
    expect(await notesOf(`${TWICE}, edition: time`, { edition: true })).toEqual([]);
  });

  test.each([
    ['week', "when: { at: '02:30' }", /2026-W49.*"edition: date"/],
    ['month', "when: { cron: '0 3 1,15 * *' }", /2026-12-01 03:00 and 2026-12-15 03:00.*"edition: date"/],
  ])('two days of a %s', async (rule, when, expected) => {
    expect((await notesOf(`${when}, edition: ${rule}`, { edition: true })).join()).toMatch(expected);
  });

  test.each([
    ['date', "when: { at: '02:30' }"],
    ['week', "when: { at: '02:30', days: [mon] }"],
    ['month', "when: { cron: '0 3 1 * *' }"],
  ])('and nothing is said of a schedule that is due once in each %s', async (rule, when) => {
    expect(await notesOf(`${when}, edition: ${rule}`, { edition: true })).toEqual([]);
  });

  test('a list that nobody adds to, in a batch without editions', async () => {
    const once = "when: { at: '02:30' }";
    expect((await notesOf(once, { edition: false })).join()).toMatch(/has no "edition"/);
    expect(await notesOf(once, { edition: false, jobs: './jobs.csv' })).toEqual([]);
  });
});

test('the edition reaches the jobs of a batch whose identity names it, and no other', async () => {
  const batch = writeBatch({ slugs: ['one', 'two'] });
  const plain = await readBatch(batch.file, { edition: '2026-11-23' });
  expect(plain.key).toBe((await readBatch(batch.file)).key);
  expect(plain.jobs.map(({ input }) => input['edition'])).toEqual([undefined, undefined]);

  const text = readFileSync(batch.file, 'utf8');
  writeFileSync(batch.file, text.replace('jobs:', 'identity: [site, category, slug, edition]\njobs:'));
  const [monday, tuesday] = await Promise.all(
    ['2026-11-23', '2026-11-24'].map((edition) => readBatch(batch.file, { edition })),
  );
  expect(monday?.jobs[0]?.identity).toMatchObject({ slug: 'one', edition: '2026-11-23' });
  expect(monday?.key).not.toBe(tuesday?.key);
  await expect(readBatch(batch.file)).rejects.toThrow('edition');
});

test('a preview tells a batch file that is not there; who waits for another does not fall together with it', async () => {
  const dir = tempDir();
  writeFileSync(
    join(dir, 'schedules.yaml'),
    `timeZone: UTC
schedules:
  - { name: first, batch: ./none.yaml, when: { at: "02:30" } }
  - { name: second, batch: ./schedules.yaml, when: { at: "02:30" }, after: { schedule: first, within: 2h } }
  - { name: third, batch: ./schedules.yaml, when: { at: "02:30" }, after: { schedule: second, within: 2h } }
  - { name: other, batch: ./schedules.yaml, when: { at: "02:30" } }
`,
  );
  const nightshift = createNightshift({ state: join(dir, 'state') });
  const preview = await nightshift.schedules.preview({ file: join(dir, 'schedules.yaml'), days: 1 });
  await nightshift.close();
  expect(preview.missing).toEqual([{ schedule: 'first', batch: join(dir, 'none.yaml') }]);
  expect(Object.fromEntries(preview.fires.map(({ schedule, collides }) => [schedule, collides]))).toEqual({
    first: ['other'],
    second: ['other'],
    third: ['other'],
    other: ['first', 'second', 'third'],
  });
});

test('a preview of a file has what is applied beside it, but for what is paused or the file itself says', async () => {
  const dir = tempDir();
  const state = join(dir, 'state');
  const file = join(dir, 'schedules.yaml');
  const schedules = (...lines: string[]) =>
    writeFileSync(file, `timeZone: UTC\nschedules:\n${lines.map((line) => `  - { ${line} }\n`).join('')}`);
  const due = (name: string, at: string) => `name: ${name}, batch: ./schedules.yaml, when: { at: "${at}" }`;
  const nightshift = createNightshift({ state, env: {} });
  onTestFinished(() => nightshift.close());

  schedules(due('mine', '02:30'));
  expect(await nightshift.schedules.preview({ file, days: 1 })).toMatchObject({ beside: [] });
  expect(existsSync(join(state, 'ledger.db')), 'nothing is made by looking').toBe(false);

  schedules(due('mine', '05:00'), due('other', '02:30'), due('stopped', '02:30'));
  const ledger = await openLedger({ path: join(state, 'ledger.db') });
  for (const wanted of (await readSchedules(file)).schedules) {
    const definition = { ...wanted, since: '2026-11-01T00:00:00.000Z' };
    const paused = wanted.name === 'stopped';
    await ledger.keepSchedule({ definition, batchName: 'n', channels: 'c'.repeat(64), paused });
  }
  await ledger.close();
  schedules(due('mine', '02:30'));
  const again = createNightshift({ state, env: {} });
  onTestFinished(() => again.close());
  const preview = await again.schedules.preview({ file, days: 1 });
  expect(preview.beside).toEqual(['other']);
  expect(preview.fires.map(({ schedule, collides }) => [schedule, collides])).toEqual([
    ['mine', ['other']],
    ['other', ['mine']],
  ]);

  rmSync(join(dir, 'schedules.yaml'));
  const elsewhere = join(dir, 'elsewhere.yaml');
  writeFileSync(
    elsewhere,
    `timeZone: UTC\nschedules: [{ ${due('mine', '02:30').replace('./s', './none-s')} }]\n`,
  );
  const { missing } = await again.schedules.preview({ file: elsewhere, days: 1 });
  expect(
    missing.map(({ schedule }) => schedule),
    'what is applied may be of another host',
  ).toEqual(['mine']);
});

test('a preview of a file is shown without the ledger, which is said', async () => {
  const dir = tempDir();
  const file = join(dir, 'schedules.yaml');
  writeFileSync(
    file,
    'timeZone: UTC\nschedules: [{ name: mine, batch: ./schedules.yaml, when: { at: "02:30" } }]\n',
  );
  const nightshift = createNightshift({
    state: join(dir, 'state'),
    env: { NIGHTSHIFT_LEDGER: 'postgres://nobody@127.0.0.1:1/none' },
  });
  onTestFinished(() => nightshift.close());
  const preview = await nightshift.schedules.preview({ file, days: 1 });
  expect(preview).toMatchObject({ schedules: ['mine'], beside: [] });
  expect(preview.besideUnknown).toContain('127.0.0.1:1');
});

test('names in the page of a preview are text, whatever they hold', () => {
  const fire = { schedule: '<img src=x>', at: '2026-11-23T01:30:00.000Z', local: '2026-11-23 02:30' };
  const page = firePage(
    {
      from: '2026-11-22T12:00:00.000Z',
      to: '2026-11-24T12:00:00.000Z',
      schedules: ['<img src=x>', 'b'],
      beside: [],
      fires: [{ ...fire, timeZone: 'Europe/Berlin', collides: ['b'] }],
      missing: [],
      notes: [],
    },
    'Europe/Berlin',
  );
  expect(page).not.toContain('<img');
  expect(page).toContain('&lt;img src=x&gt;');
});
