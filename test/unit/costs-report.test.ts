// What `nightshift costs` prints: no currency added to another, no formula in a CSV, waste shown.
import { expect, test } from 'vitest';
import type { CostDimension } from '../../src/client/cost-slices.js';
import { costReport, type CostReport } from '../../src/client/costs.js';
import { UsageError } from '../../src/contract/errors.js';
import type { CostFilter, CostRow } from '../../src/ledger/ledger.js';
import { costsCsv, sessionsCsv } from '../../src/report/costs-csv.js';
import { barLines, costLines, sessionLines } from '../../src/report/costs.js';
import { rendered } from '../../src/report/line.js';

const row = (costMicros: number, more: Partial<CostRow> = {}): CostRow =>
  ({
    runKey: 'r',
    attempt: 1,
    work: 'article',
    jobKey: 'k',
    identity: { site: 'blog', slug: 'a' },
    site: 'blog',
    batchId: 'batch:1',
    batchName: 'nightly',
    provider: 'claude',
    model: undefined,
    ids: {},
    runId: 'run-1',
    openedAt: '2026-11-22T20:00:00.000Z',
    endedAt: '2026-11-22T23:30:00.000Z',
    bookedAt: '2026-11-22T23:30:00.000Z',
    attached: 0,
    currency: 'USD',
    usage: { inputTokens: 1, outputTokens: 1, cachedTokens: 0, costMicros, costSource: 'provider' },
    use: 'useful',
    ...more,
  }) as CostRow;

const reportOf = (rows: readonly CostRow[], request: Parameters<typeof costReport>[1]): Promise<CostReport> =>
  costReport({ costs: async (_, sink) => sink(rows) }, { timeZone: 'UTC', ...request });

const WASTED = { use: 'wasted', reason: 'timeout' } as const;

test('amounts of two currencies stay apart, and each has a total', async () => {
  const { totals } = await reportOf([row(1), row(2, { currency: 'EUR' }), row(4)], {});
  expect(totals.map(({ currency, costMicros }) => [currency, costMicros])).toEqual([
    ['EUR', 2],
    ['USD', 5],
  ]);
});

test('the table shows cost, waste and its share', async () => {
  const report = await reportOf([row(750_000), row(250_000, WASTED)], { by: 'site' });
  expect(costLines(report).map((line) => rendered(line))).toEqual([
    'site   sessions      cost    useful    wasted  waste  tokens',
    'blog          2  1.00 USD  0.75 USD  0.25 USD  25.0%       4',
    'total         2  1.00 USD  0.75 USD  0.25 USD  25.0%       4',
  ]);
});

test('price tables are named with the day on which they were read, also where nobody has said it', async () => {
  const { usage } = row(1);
  const by = (id: string, date: string) => row(1, { usage: { ...usage, priceTable: { id, date } } });
  const report = await reportOf([by('google-2026-10', '2026-11-23'), by('batch-file', '')], {});
  expect(costLines(report).map((line) => rendered(line))).toContain(
    'prices: google-2026-10 (2026-11-23), batch-file (without a date)',
  );
});

test('nights are bars on one scale; one night alone is none', async () => {
  const later = { bookedAt: '2026-11-23T23:30:00.000Z' };
  const report = await reportOf([row(1e6), row(1e6, later), row(2e6, { ...later, ...WASTED })], {});
  const lines = barLines(report, 61).map((line) => rendered(line));
  const count = (text: string | undefined, sign: string) => (text ?? '').split(sign).length - 1;
  expect(lines).toHaveLength(4);
  expect(count(lines[2], '█')).toBe(count(lines[3], '█'));
  expect(count(lines[3], '░')).toBe(2 * count(lines[3], '█'));
  expect(barLines(await reportOf([row(1)], {}))).toEqual([]);
});

test('sites and works are bars too, where the costs are split by them', async () => {
  const rows = [row(3e6), row(1e6, { site: 'shop' })];
  const titles = async (by: CostDimension) =>
    barLines(await reportOf(rows, { by }), 61).map((line) => rendered(line).split(' ')[0]);
  expect(await titles('site')).toEqual(['', 'cost', 'blog', 'shop']);
  expect(await titles('provider')).toEqual([]);
  expect(await titles('work')).toEqual([]); // one only
});

test('a day is that of the time zone asked for', async () => {
  const keys = async (timeZone: string) =>
    (await reportOf([row(1)], { by: 'day', timeZone })).slices.map(({ key }) => key);
  expect(await keys('UTC')).toEqual(['2026-11-22']);
  expect(await keys('Europe/Madrid')).toEqual(['2026-11-23']);
  let asked: CostFilter | undefined;
  const ledger = { costs: async (filter: CostFilter) => void (asked = filter) };
  await costReport(ledger, { since: '2026-11-22', until: '2026-11-23', timeZone: 'Europe/Madrid' });
  expect(asked).toEqual({ since: '2026-11-21T23:00:00.000Z', until: '2026-11-23T23:00:00.000Z' });
});

test.each([{ since: '2026-02-30' }, { until: 'yesterday' }, { timeZone: 'Mars/Base' }])(
  '%j is refused',
  async (request) => {
    await expect(reportOf([], request)).rejects.toThrow(UsageError);
  },
);

test('a CSV has exact amounts and no formulas', async () => {
  const report = await reportOf([row(1_234_567, { site: '=HYPERLINK("x")' })], { by: 'site' });
  const [head, record, ...rest] = costsCsv(report);
  expect(head).toMatch(/^site,id,currency,sessions,cost,/);
  expect(record).toMatch(/^"'=HYPERLINK\(""x""\)",/);
  expect(record).toContain(',USD,1,1.234567,1.234567,0.000000,');
  expect(rest).toEqual([]);
});

test('each session can be held against a bill: its ids at the service, times, tokens, cost; slices stay as they are', async () => {
  const rows = [
    row(250_000, {
      attempt: 2,
      openedAt: '2026-11-22T21:00:00.000Z',
      ids: { session: '=sesn_2', sentAt: '2026-11-22T21:00:01.000Z' },
      ...WASTED,
    }),
    row(1_500_000, { ids: { session: 'sesn_1' }, model: 'opus' }),
    row(0, { use: 'open', reservedMicros: 5e6, bookedAt: undefined, endedAt: undefined, attempt: 3 }),
  ];
  const report = await reportOf(rows, { sessions: true });
  const { sessions = [], ...rest } = report;
  expect(rest).toEqual(await reportOf(rows, {}));
  expect(sessions).toMatchObject([
    {
      ids: { session: 'sesn_1' },
      attempt: 1,
      runId: 'run-1',
      model: 'opus',
      use: 'useful',
      costMicros: 1_500_000,
    },
    { ids: {}, attempt: 3, use: 'open', reservedMicros: 5e6, endedAt: undefined },
    { ids: { session: '=sesn_2' }, attempt: 2, use: 'wasted', reason: 'timeout', costMicros: 250_000 },
  ]);
  const [head, first, second] = sessionsCsv(sessions);
  expect(head).toBe(
    'provider,session,run_key,attempt,site,work,job,job_key,batch,batch_id,run_id,model,began,ended,booked,use,reason,' +
      'input_tokens,output_tokens,cached_tokens,cost,currency,cost_source,reserved,not_paid_again',
  );
  expect(first).toBe(
    'claude,session sesn_1,r,1,blog,article,blog / a,k,nightly,batch:1,run-1,opus,2026-11-22T20:00:00.000Z,' +
      '2026-11-22T23:30:00.000Z,2026-11-22T23:30:00.000Z,useful,,1,1,0,1.500000,USD,provider,0.000000,0',
  );
  expect(second).toContain(',open,,');
  const lines = sessionLines(sessions, report).map((line) => rendered(line));
  expect(lines[1]).toMatch(
    /^2026-11-22 20:00:00 UTC +claude session sesn_1 +blog \/ a +nightly +useful +2 +1\.50 USD/,
  );
  expect(lines[2]).toContain('claude run r#3');
  expect(lines[2]).toContain('5.00 USD reserved');
  expect(lines.at(-1)).toBe('1 session under way, 5.00 USD reserved');
});
