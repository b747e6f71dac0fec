// Which night is meant: an edition that nobody gave, one that is surely mistyped, and one that no schedule has.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createNightshift } from '../../src/client/nightshift.js';
import { InvalidBatch, UsageError } from '../../src/contract/errors.js';
import { EDITION_RULES, type EditionRule } from '../../src/contract/schedules-file.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { editionFault, readPeriod } from '../../src/policy/editions.js';
import { editionOf } from '../../src/policy/nights.js';
import { identityOf, member, NOBODY, temporaryFolder, WORK } from './ledger-fixture.js';

describe('an edition', () => {
  test('of any night of a schedule is what it is', () => {
    const instant = fc.date({
      min: new Date('1970-01-02'),
      max: new Date('2999-01-01'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instant, fc.constantFrom(...EDITION_RULES), (at, rule) => {
        const edition = editionOf(at, 'Europe/Madrid', rule);
        expect(readPeriod(edition)).toEqual({ kind: rule, normal: edition });
        expect(editionFault(edition)).toBeUndefined();
      }),
    );
  });

  test.each(['spring', 'garbage x', '20261109', '2026', '3-2026', 'v2026-11-09', '2026-11-09 at noon', ''])(
    'of another kind is as good as any: %j',
    (edition) => expect(editionFault(edition)).toBeUndefined(),
  );

  test.each([
    ['2026-11-9', '"2026-11-9" is no edition of a day, and would be a night of its own; write 2026-11-09'],
    ['2026-1-01', /write 2026-01-01$/],
    ['2026-1', /no edition of a month, .*write 2026-01$/],
    ['2026-w48', /no edition of a week, .*write 2026-W48$/],
    ['2026W48', /write 2026-W48$/],
    ['2026-W9', /write 2026-W09$/],
    ['2026-11-9T2:30', /no edition of a time, .*write 2026-11-09T02:30$/],
    ['2026-11-09 02:30', /write 2026-11-09T02:30$/],
    ['2026-11-09T24:30', /there is no such time$/],
    ['2026-13-45', '"2026-13-45" is no edition: there is no such day'],
    ['2026-02-29', /there is no such day$/],
    ['2026-13', /there is no such month$/],
    ['2026-00', /there is no such month$/],
    ['2025-W53', /there is no such week$/],
    ['2026-W00', /there is no such week$/],
  ])('that is surely mistyped is told with what was meant: %s', (edition, said) => {
    if (typeof said === 'string') expect(editionFault(edition)).toBe(said);
    else expect(editionFault(edition)).toMatch(said);
  });
});

function aDigest({ jobs = '[{ slug: one }, { slug: two }]' } = {}) {
  const folder = temporaryFolder();
  const file = join(folder, 'digest.yaml');
  writeFileSync(
    file,
    `name: digest
work: ${WORK}
identity: [edition, slug]
jobs: ${jobs}
agent: { use: command, command: [cat] }
effects: [{ name: post, use: folder, target: ./public, with: { path: "{{ edition }}-{{ slug }}.md" } }]
`,
  );
  const state = join(folder, 'state');
  return {
    file,
    folder,
    ledger: async () => {
      const ledger = await openLedger({ path: join(state, 'ledger.db') });
      onTestFinished(() => ledger.close());
      return ledger;
    },
    of: (edition?: string) => {
      const nightshift = createNightshift({ state, ...(edition !== undefined && { edition }) });
      onTestFinished(() => nightshift.close());
      return nightshift;
    },
  };
}

const aSchedule = (batch: string, edition: EditionRule): Parameters<Ledger['keepSchedule']>[0] => ({
  batchName: 'digest',
  channels: '0'.repeat(64),
  paused: false,
  definition: {
    ...{ name: 'every-night', batch, from: '/s.yaml', crons: ['30 2 * * *'] },
    ...{ timeZone: 'Europe/Madrid', overlap: 'skip', catchUpMs: 1, staleMs: 1, edition },
    ...{ paused: false, since: '2026-01-01T00:00:00.000Z' },
  },
});

describe('a batch that needs an edition', () => {
  const hint =
    'give the night: --edition EDITION, such as 2026-11-23 or 2026-W48, as its schedule has it; ' +
    'or start it as its schedule does: nightshift schedule trigger NAME';
  const problemsOf = async (file: string, digest: ReturnType<typeof aDigest>) => {
    const refused: unknown = await digest
      .of()
      .read(file)
      .catch((error: unknown) => error);
    if (!(refused instanceof InvalidBatch)) throw new Error('it was read');
    return refused.problems;
  };

  test('says how to give it where nobody did', async () => {
    const digest = aDigest();
    const [first] = await problemsOf(digest.file, digest);
    expect(first?.message).toBe('the identity field "edition" is missing');
    expect(first?.hint).toBe(hint);
  });

  test('says it in the form of its schedule, where one is kept', async () => {
    const digest = aDigest();
    await (await digest.ledger()).keepSchedule(aSchedule(digest.file, 'week'));
    const [first] = await problemsOf(digest.file, digest);
    expect(first?.hint).toMatch(
      /^give the night: --edition EDITION, such as \d{4}-W\d\d, as every-night has it; or start it as that does: nightshift schedule trigger every-night$/,
    );
  });

  test('says it of a table without that column too, unless it has one that is meant', async () => {
    const digest = aDigest({ jobs: './jobs.csv' });
    const csv = join(digest.folder, 'jobs.csv');
    writeFileSync(csv, 'slug\none\n');
    expect((await problemsOf(digest.file, digest))[0]?.hint).toBe(hint);
    writeFileSync(csv, 'slug,editon\none,2026-11-09\n');
    expect((await problemsOf(digest.file, digest))[0]?.hint).toBe('did you mean "editon"?');
  });

  test('refuses one that is surely mistyped, but for a night that was run as that', async () => {
    const digest = aDigest();
    expect((await digest.of('2026-11-09').read(digest.file)).edition).toBe('2026-11-09');
    const mistyped = digest.of('2026-11-9').read(digest.file);
    await expect(mistyped).rejects.toThrow(UsageError);
    await expect(mistyped).rejects.toThrow('write 2026-11-09');

    const ledger = await digest.ledger();
    const run = { id: 'batch:digest:1', name: 'digest', key: '1', work: WORK, runId: 'run-1', by: NOBODY };
    await ledger.openBatch({ ...run, manifest: '{}', jobs: 1, currency: 'EUR' });
    await ledger.setMembers(run.id, [
      member('one', { identity: { edition: '2026-11-9', ...identityOf('one') } }),
    ]);
    expect((await digest.of('2026-11-9').read(digest.file)).jobs).toHaveLength(2);
  });

  test('takes a season or an issue for what it is, unless a schedule of it goes by months', async () => {
    const digest = aDigest();
    const notesOf = async (edition: string) => {
      const of = digest.of(edition);
      return (await of.untold(await of.read(digest.file))).warnings.filter((text) =>
        text.includes('no month'),
      );
    };
    expect(await notesOf('2026-27')).toEqual(['the edition "2026-27" is taken as it is, and is no month']);
    expect(await notesOf('2026-1')).toEqual([
      'the edition "2026-1" is taken as it is, and is no month; as a month it is written 2026-01',
    ]);
    expect(await notesOf('2026-11')).toEqual([]);

    const ledger = await digest.ledger();
    await ledger.keepSchedule(aSchedule(digest.file, 'week'));
    expect((await digest.of('2026-27').read(digest.file)).edition).toBe('2026-27');
    await ledger.keepSchedule(aSchedule(digest.file, 'month'));
    await expect(digest.of('2026-27').read(digest.file)).rejects.toThrow('there is no such month');
  });

  test('leaves alone what stands in its list', async () => {
    const digest = aDigest({ jobs: '[{ slug: one, edition: 2026-11-9 }]' });
    const batch = await digest.of('2026-13-45').read(digest.file);
    expect(batch.jobs[0]?.identity['edition']).toBe('2026-11-9');
    expect(batch.edition).toBeUndefined();
  });

  test.each<[edition: string, rule: EditionRule, isForeign: boolean]>([
    ['2026-11-09', 'date', false],
    ['2026-W46', 'date', true],
    ['garbage x', 'date', true],
    ['2026-W46', 'week', false],
    ['2026-11-09T14:30', 'time', false],
    ['2026-11-09', 'time', true],
    ['2026-11', 'week', true],
  ])('says of %s whether a schedule by %s would ever have it', async (edition, rule, isForeign) => {
    const digest = aDigest();
    const ledger = await digest.ledger();
    const of = digest.of(edition);
    const batch = await of.read(digest.file);
    expect((await of.untold(batch)).warnings.filter((text) => text.includes('editions such as'))).toEqual([]);
    await ledger.keepSchedule(aSchedule(digest.file, rule));
    const warnings = (await of.untold(batch)).warnings.filter((text) =>
      text.startsWith('every-night starts'),
    );
    expect(warnings).toHaveLength(isForeign ? 1 : 0);
    if (isForeign) expect(warnings[0]).toContain(`: "${edition}" is a night beside all of these`);
  });
});
