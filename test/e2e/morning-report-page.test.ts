// The page of the morning report in a real browser: it loads nothing, nothing in it runs, and axe finds no fault.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ReportRows, Span } from '../../src/ledger/report-rows.js';
import { morningReport } from '../../src/report/morning/build.js';
import { drawReport } from '../../src/report/morning/make-report.js';
import { NAME, tellNights } from '../support/nights.js';

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RTL = '\u202egnp.exe';
const HOSTILE = [
  '<script>document.title="owned"</script>',
  '"><img src=x onerror=alert(1)>',
  `report${RTL}`,
  'שלום עולם',
  `long-${'x'.repeat(480)}`,
  "'; drop table jobs; --",
  '</svg><script>1</script>',
  '{{7*7}} ${7*7} &amp; <b>',
];

/** Where a picture for the docs goes, when somebody wants a new one. */
const pictures = process.env['NIGHTSHIFT_TEST_PICTURES'];

const folder = mkdtempSync(join(tmpdir(), 'nightshift-page-'));
const PLANNED = {
  schedule: 'nights',
  night: '2026-11-21T03:00',
  timeZone: 'Europe/Madrid',
  edition: '2026-11-21',
};
const options = {
  now: new Date('2026-11-23T06:00:00Z'),
  timeZone: 'Europe/Madrid',
  place: { directory: '/home/anna/nights', stateDir: '/home/anna/nights/.nightshift' },
  scheduled: {
    planned: [{ ...PLANNED, night: '2026-11-23T03:00', edition: '2026-11-23' }],
    missed: [
      {
        ...PLANNED,
        at: '2026-11-21T02:00:00.000Z',
        what: 'missed' as const,
        why: 'the machine was off <i>all night</i>',
        command: 'nightshift schedule backfill nights --from 2026-11-21T03:00 --to 2026-11-21T03:00',
      },
    ],
    decision: undefined,
  },
};
let browser: Browser | undefined;
let rows: ReportRows;

beforeAll(async () => {
  if (!existsSync(CHROMIUM)) {
    throw new Error(
      `no Chromium at ${CHROMIUM}: install it ("apt-get install chromium"), or name another in CHROMIUM_PATH`,
    );
  }
  const told = await tellNights(join(folder, 'ledger.db'), {
    jobs: 8,
    before: 1,
    slug: (number) => `${HOSTILE[number] ?? 'plain'}`,
    message: `check failed: <script>alert("no")</script> \u001b[31mred\u0007 ${RTL}`,
    url: (slug) =>
      slug.startsWith('long')
        ? 'javascript:alert(1)'
        : `https://blog.example/?q=${encodeURIComponent(slug)}"><b>`,
  });
  const found = await told.ledger.reportRows(told.batchId);
  if (found === undefined) throw new Error('the ledger has this night');
  rows = found;
  await told.ledger.close();
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
});

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Opened {
  readonly page: Page;
  /** All that the page asked for beside itself, and all that it was denied. */
  readonly trouble: readonly string[];
}

async function open(
  night: ReportRows,
  colorScheme: 'light' | 'dark',
  width = 1100,
  { height = 900, told = options } = {},
): Promise<Opened> {
  const file = join(folder, 'report.html');
  writeFileSync(file, await drawReport(morningReport(night, told)));
  if (browser === undefined) throw new Error('the browser is open');
  const page = await browser.newPage({ colorScheme, viewport: { width, height } });
  const trouble: string[] = [];
  const address = pathToFileURL(file).href;
  page.on('request', (request) => {
    if (request.url() !== address) trouble.push(`request ${request.url()}`);
  });
  page.on('console', (message) => trouble.push(`console ${message.text()}`));
  page.on('dialog', (dialog) => {
    trouble.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(address);
  return { page, trouble };
}

/** Rules that the page breaks. */
async function faults(page: Page): Promise<readonly string[]> {
  // From outside the page: its own policy allows no script.
  const results = await page.evaluate<AxeResults>(`${AXE}; axe.run(document)`);
  return results.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
  );
}

/** The night with so many jobs worked on, each of them twice. */
function nightOf(jobs: number): ReportRows {
  const from = Date.parse(rows.batch.openedAt);
  const iso = (minute: number) => new Date(from + minute * 60_000).toISOString();
  const spans = Array.from({ length: jobs }, (_, at): Span[] => {
    const job = { work: 'article', jobKey: `key-${at}`, identity: { site: 'blog', slug: `job-${at}` } };
    const start = (at % 8) * 6;
    return [
      { ...job, step: 'agent', from: iso(start), to: iso(start + 3), end: 'failed', errorClass: 'timeout' },
      {
        ...job,
        step: 'agent',
        from: iso(start + 4),
        to: iso(start + 9),
        end: 'collected',
        errorClass: undefined,
      },
      {
        ...job,
        step: 'post',
        from: iso(start + 9),
        to: iso(start + 9.2),
        end: 'landed',
        errorClass: undefined,
      },
    ];
  }).flat();
  const beats = spans.flatMap(({ from: begun, to = '', end }) => [
    { second: begun.slice(0, 19), what: 'begun' as const, count: 1 },
    { second: to.slice(0, 19), what: end === 'failed' ? ('bad' as const) : ('good' as const), count: 1 },
  ]);
  return { ...rows, spans, beats, jobsWorkedOn: jobs };
}

describe.each(['light', 'dark'] as const)('in %s colours', (scheme) => {
  test('it asks for nothing, obeys nothing, and axe finds no fault', async () => {
    const { page, trouble } = await open(rows, scheme);
    expect(await page.title()).toContain(NAME);
    expect(await page.locator('script').count()).toBe(0);
    expect(await page.locator('img, iframe, object, embed, link, [onerror], [onclick]').count()).toBe(0);
    await page.evaluate('document.querySelectorAll("details").forEach((one) => { one.open = true; })');
    expect(await faults(page)).toEqual([]);
    expect(trouble).toEqual([]);
    await page.close();
  });
});

test('the first screen says what needs a decision, each with commands that can be typed as they are', async () => {
  const file = join(options.place.directory, 'nightly-articles.yaml');
  const { ledger, batchId } = await tellNights(join(folder, 'first-screen.db'), {
    jobs: 14,
    before: 6,
    file,
  });
  const night = await ledger.reportRows(batchId);
  await ledger.close();
  if (night === undefined) throw new Error('the ledger has this night');
  const missed = options.scheduled.missed.map((one) => ({
    ...one,
    why: 'the engine was down for longer than catchUp (4 h)',
  }));
  const told = { ...options, scheduled: { ...options.scheduled, missed } };
  const { page } = await open(night, 'light', 1100, { height: 1460, told });
  const text = await page.locator('body').innerText();
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, 'morning-report.png') });
  expect(text).toContain('Monday 23 November 2026, 03:00 to 03:44 CET');
  expect(text).toContain('0.60 EUR');
  for (const command of [
    /nightshift approve --effect [0-9a-f]{32}@[0-9a-z]+ --landed/,
    /nightshift run \/home\/anna\/nights\/nightly-articles\.yaml --edition 2026-11-23/,
    /nightshift retry nightly-articles --edition 2026-11-23/,
    /nightshift discard nightly-articles --edition 2026-11-23 --job [0-9a-f]{32} --reason WHY/,
  ])
    expect(text).toMatch(command);
  expect(text, 'no command has a hole').not.toMatch(/<[a-z ]+>/);
  await page.close();
});

test('hostile words are shown as words', async () => {
  const { page } = await open(rows, 'light');
  const text = await page.locator('body').innerText();
  expect(text).toContain('<script>document.title="owned"</script>');
  expect(text).toContain('שלום עולם');
  expect(text).toContain('the machine was off <i>all night</i>');
  for (const harmful of ['\u0007', '\u001b', '\u202e']) expect(text).not.toContain(harmful);
  const links = await page.evaluate<string[]>(`[...document.links].map((one) => one.getAttribute('href'))`);
  expect(links.length).toBeGreaterThan(0);
  expect(links.every((href) => href.startsWith('https://blog.example/'))).toBe(true);
  await page.close();
});

test('on a phone nothing is wider than the page', async () => {
  const { page, trouble } = await open(rows, 'light', 390);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
  expect(await faults(page)).toEqual([]);
  expect(trouble).toEqual([]);
  await page.close();
});

test('printed from a dark screen, it is dark on white, and the figures behind the plots are there', async () => {
  const { page } = await open(rows, 'dark');
  const paper = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
  expect(await paper()).toBe('rgb(20, 23, 27)');
  const tables = () => seen(page, 'figure details .scroll');
  expect(await tables(), 'nobody has opened one').toEqual([]);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  expect(await paper()).toBe('rgb(255, 255, 255)');
  // What was under way is in the plot alone, and what the nights cost in the table of the last nights.
  expect(await tables()).toEqual(['What single jobs went through', 'Cost by site', 'The last nights']);
  expect(await seen(page, 'svg[role="img"]')).toHaveLength(PLOTS.length);
  await page.close();
});

/** What those of the elements that can be seen are called for whoever does not see them. */
const seen = (page: Page, selector: string): Promise<string[]> =>
  page.evaluate<string[]>(`[...document.querySelectorAll('${selector}')]
    .filter((one) => one.checkVisibility())
    .map((one) => one.getAttribute('aria-label'))`);

const PLOTS = [
  'Sessions and effects under way over the night',
  'What single jobs went through',
  'Cost of each site',
  'Cost of this night and those before it',
  'Share of jobs that were not done and of sessions that were wasted, night by night',
];

test('it draws the night, its jobs, the cost of sites and of nights, and what failed night by night', async () => {
  const { page } = await open(rows, 'light');
  expect(await seen(page, 'svg[role="img"]')).toEqual(
    PLOTS.map((label): unknown => expect.stringMatching(`^${label}`)),
  );
  const textsOf = (label: string) =>
    page.locator(`svg[aria-label^="${label}"]:visible text`).allTextContents();
  const [, , sitePlot = '', costPlot = '', trendPlot = ''] = PLOTS;
  const sites = [...new Set(rows.costs.map(({ site }) => site))];
  expect(sites.length).toBeGreaterThan(1);
  expect((await textsOf(sitePlot)).map((text) => text.replaceAll('\u200b', ''))).toEqual(
    expect.arrayContaining([...sites, 'useful', 'wasted']),
  );
  const nights = ['22 Nov', '23 Nov'];
  expect(await textsOf(costPlot)).toEqual(expect.arrayContaining([...nights, 'useful', 'wasted']));
  expect(await textsOf(trendPlot)).toEqual(
    expect.arrayContaining([...nights, 'jobs not done', 'sessions wasted', '0%']),
  );
  const rowsOf = (label: string) => page.locator(`figure .scroll[aria-label="${label}"] tbody tr`).count();
  expect(await rowsOf('Cost by site')).toBe(sites.length);
  expect(await rowsOf('Cost of the last nights')).toBe(nights.length);
  expect(await rowsOf('The last nights')).toBe(nights.length);
  await page.close();
});

describe.each([1, 12, 1_000])('with %d jobs', (jobs) => {
  test.each([
    ['a desk', 1100, '.desk'],
    ['a phone', 390, '.phone'],
  ])('on %s the plots are whole, and each has its table', async (_, viewport, place) => {
    const { page, trouble } = await open(nightOf(jobs), 'light', viewport);
    const lanes = Math.min(jobs, 24);
    const selector = `${place} svg[aria-label^="What single jobs"]`;
    const plot = page.locator(selector);
    expect(await plot.isVisible()).toBe(true);
    const box = await plot.boundingBox();
    expect((box?.x ?? 0) + (box?.width ?? viewport), 'nothing to scroll').toBeLessThanOrEqual(viewport);
    expect(await plot.locator('text', { hasText: /^blog|^job/ }).count()).toBe(lanes);
    // A failed try is a bar and a cross.
    expect(await plot.locator('[fill="var(--plot-bad)"]').count()).toBe(lanes);
    expect(await plot.locator('[fill="var(--plot-effect)"]').count()).toBe(lanes);
    const outside = await page.evaluate<string[]>(`(() => {
      const svg = document.querySelector('${selector}');
      const whole = svg.getBoundingClientRect();
      return [...svg.querySelectorAll('path, text')]
        .filter((part) => {
          const { left, right, top, bottom, width, height } = part.getBoundingClientRect();
          if (width + height === 0) return false;
          return left < whole.left - 1 || right > whole.right + 1 || top < whole.top - 1 || bottom > whole.bottom + 1;
        })
        .map((part) => part.outerHTML);
    })()`);
    expect(outside).toEqual([]);
    const figures = await page.locator('figure').count();
    expect(await page.locator('figure table').count()).toBe(figures);
    expect(await page.locator('svg[role="img"]:visible').count()).toBe(figures);
    expect(trouble).toEqual([]);
    await page.close();
  });
});
