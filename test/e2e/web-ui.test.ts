// What a person sees who opens Temporal's own Web UI, in a real browser against the embedded engine.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempDir } from '../support/batch.js';
import { cli, startCli, until, type RunningCli } from '../support/cli.js';

const SECRET = 'planted-secret-4711';
const BODY = 'what-the-article-says';
const dir = tempDir('nightshift-web-ui-');
const ZONE = 'Europe/Madrid';
/** As a clock there shows it. */
const WALL = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d CES?T`;
const env = { API_KEY: SECRET, TZ: ZONE };
/** Where pictures for the docs go, when somebody wants new ones. */
const pictures = process.env['NIGHTSHIFT_TEST_PICTURES'];

let up: RunningCli;
let webUi: string;
let batchId: string;
/** Under way until the file `baked` is there. */
let bakingId: string;
/** It ended with a job that a person has refused. */
let refusedId: string;
/** It ended with a job whose login was refused. */
let loginId: string;
let browser: Browser;

/** @returns the path of the batch file */
function writeBatch(name: string, agent: string, text: string): string {
  writeFileSync(join(dir, `${name}.sh`), agent);
  const file = join(dir, `${name}.yaml`);
  writeFileSync(file, text);
  return file;
}

/** What the agent hands over, and what it has cost. */
const result = (text: string, usd: number) =>
  `printf '{"v":1,"status":"ok","text":"%s","cost":{"usd":${usd}}}' "${text}" > "$NIGHTSHIFT_RESULT_FILE"`;
const effect = (more = '') =>
  `effects:\n  - { name: post, use: folder, target: "./public/{{ site }}", with: { path: "{{ slug }}.md" }${more} }\n`;

const baking = () =>
  writeBatch(
    'baking',
    `job=$(cat); case "$job" in *rolls*) ;; *) while [ ! -e baked ]; do sleep 0.2; done;; esac
    ${result('baked', 0.42)}`,
    `name: baking
work: baking
jobs:
${['rolls', 'buns', 'pies'].map((slug) => `  - { site: garden, category: oven, slug: ${slug} }`).join('\n')}
agent: { use: command, command: [sh, baking.sh], timeout: 10m }
${effect()}limits: { concurrency: 4 }
budget: { perBatch: 20, currency: EUR }
`,
  );

/** Of the name of the other nights, with an effect that needs a yes. */
const refused = () =>
  writeBatch(
    'refused',
    result('a price', 0.1),
    `name: nightly-articles
work: article
jobs: [{ site: garden, category: bread, slug: baguette }]
agent: { use: command, command: [sh, refused.sh] }
${effect(', approval: required')}`,
  );

const login = () =>
  writeBatch(
    'login',
    'exit 77',
    `name: login
work: login
jobs: [{ site: shop, category: bread, slug: toast }]
agent: { use: command, command: [sh, login.sh] }
${effect()}`,
  );

const runId = async (file: string, ...flags: string[]): Promise<string> => {
  const { stdout, stderr } = await cli(['run', file, '--json', ...flags], { cwd: dir, env });
  const { batch } = JSON.parse(stdout || '{}') as { batch?: { workflowId: string } };
  if (batch === undefined) throw new Error(stderr);
  return batch.workflowId;
};

const jobId = async (slug: string): Promise<string> => {
  const { stdout, stderr } = await cli(['trace', `slug=${slug}`, '--json'], { cwd: dir, env });
  const { workflowId } = JSON.parse(stdout || '{}') as { workflowId?: string };
  if (workflowId === undefined) throw new Error(stderr);
  return workflowId;
};

function write(title: string, slugs: readonly string[]): string {
  const file = join(dir, 'batch.yaml');
  writeFileSync(
    join(dir, 'agent.sh'),
    `job=$(cat); case "$job" in *broken*) echo "the source page has no text" >&2; exit 1;; esac
    ${result(`${BODY} and more`, 0.12)}`,
  );
  writeFileSync(
    file,
    `name: nightly-articles
work: article
jobs:
${slugs.map((slug) => `  - { site: garden, category: bread, slug: ${slug}, title: ${title} }`).join('\n')}
agent: { use: command, command: [sh, agent.sh], env: { API_KEY: "\${env:API_KEY}" }, timeout: 60s }
effects:
  - { name: post, use: folder, target: "./public/{{ site }}", with: { path: "{{ slug }}.md" } }
limits: { concurrency: 4 }
retry: { sessions: 1 }
budget: { perBatch: 20, currency: EUR }
`,
  );
  return file;
}

beforeAll(async () => {
  let said = '';
  up = startCli(['up', '--json'], { cwd: dir, env });
  up.process.stdout?.on('data', (text: string) => (said += text));
  await until('the engine is up', () => said.includes('}'), 120_000);
  webUi = (JSON.parse(said) as { webUi: string }).webUi;

  await cli(['run', write('first', ['overnight-bread', 'rye'])], { cwd: dir, env });
  const second = await cli(['run', write('edited', ['overnight-bread', 'broken', 'spelt']), '--json'], {
    cwd: dir,
    env,
  });
  const { batch, counts } = JSON.parse(second.stdout) as {
    batch: { workflowId: string };
    counts: Record<string, number>;
  };
  batchId = batch.workflowId;
  bakingId = await runId(baking(), '--detach');
  loginId = await runId(login());
  refusedId = await runId(refused());
  const no = await cli(['reject', 'nightly-articles', '--all', '--reason', 'wrong price'], { cwd: dir, env });
  expect(no.code, no.stderr).toBe(0);
  expect(counts, second.stderr).toMatchObject({ done: 1, parked: 1, held: 1 });
  browser = await chromium.launch({
    executablePath: browserPath(),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
}, 300_000);

afterAll(async () => {
  writeFileSync(join(dir, 'baked'), '');
  await browser?.close();
  up?.process.kill('SIGTERM');
  await up?.exit;
});

/** @param height of the window: a picture of it ends there */
async function open(path: string, height = 900): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1760, height }, timezoneId: ZONE });
  await page.addInitScript(`localStorage.setItem('namespace-workflow-table-columns', '${COLUMNS}')`);
  page.setDefaultTimeout(60_000);
  await page.goto(`${webUi}/namespaces/default/workflows${path}`, { waitUntil: 'domcontentloaded' });
  return page;
}

/** Of its lists, as somebody has configured them. */
const COLUMNS = JSON.stringify({
  default: ['Status', 'NightshiftJob', 'NightshiftErrorClass', 'Workflow ID', 'Start'].map((label, at) => ({
    label,
    pinned: at < 2,
  })),
});

/** IDs of the Workflows that a query finds, as the list of the UI asks for them; each once. */
async function found(query: string): Promise<string[]> {
  const list = await fetch(`${webUi}/api/v1/namespaces/default/workflows?query=${encodeURIComponent(query)}`);
  const { executions = [] } = (await list.json()) as {
    executions?: { execution: { workflowId: string } }[];
  };
  return [...new Set(executions.map(({ execution }) => execution.workflowId))].sort();
}

/** What is found is a little behind what is. */
async function expectFound(query: string, expected: readonly string[]): Promise<void> {
  await expect.poll(() => found(query), { message: query }).toEqual([...expected].sort());
}

function browserPath(): string {
  const places = ['chromium', 'chromium-browser', 'google-chrome'].map((name) => `/usr/bin/${name}`);
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`no browser [looked for ${places.join(', ')}]; install Chromium`);
  return found;
}

/** Markdown is shown in frames of their own. */
const textOf = async (page: Page): Promise<string> =>
  (
    await Promise.all(
      page.frames().map((frame) =>
        frame
          .locator('body')
          .innerText()
          .catch(() => ''),
      ),
    )
  ).join('\n');

async function showing(page: Page, text: string): Promise<string> {
  await until(`the page shows "${text}"`, async () => (await textOf(page)).includes(text), 60_000);
  return textOf(page);
}

async function picture(page: Page, name: string): Promise<void> {
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, `${name}.png`) });
}

test('a batch shows by name how it stands, what needs a person and why, and what to type', async () => {
  const page = await open(`/${encodeURIComponent(batchId)}`, 1000);
  await page.getByText('User Metadata', { exact: true }).click();
  const text = await showing(page, 'What you can do');
  await picture(page, 'web-ui-batch');
  expect(text).toMatch(new RegExp(`nightly-articles: incomplete \\(${WALL}\\)`));
  expect(text).toMatch(/done\s+1/);
  expect(text).toContain(
    'garden / bread / broken is parked: rejected: sh failed (exit code 1): the source page has no text',
  );
  expect(text).toContain('garden / bread / overnight-bread is held: conflict: ');
  expect(text).toContain(`nightshift retry ${batchId}`);
  expect(text).toMatch(/0\.12 EUR, and \d sessions? told no cost/);
  await page.close();
});

test('a batch under way shows what is in progress since when, and what was spent; paused, how it goes on', async () => {
  const page = await open(`/${encodeURIComponent(bakingId)}`);
  await page.getByText('User Metadata', { exact: true }).click();
  const text = await showing(page, 'In progress, longest first');
  expect(text).toMatch(new RegExp(`baking: running \\(${WALL}\\)`));
  expect(text).toMatch(/done\s+1/);
  expect(text).toMatch(/in progress\s+2/);
  expect(text).toMatch(/spent on jobs that ended\s+0\.42 EUR/);
  for (const slug of ['buns', 'pies'])
    expect(text).toMatch(new RegExp(`garden / oven / ${slug}, since ${WALL}`));

  const paused = await cli(['pause', 'baking', '--reason', 'the oven is hot'], { cwd: dir, env });
  expect(paused.code, paused.stderr).toBe(0);
  await page.keyboard.press('r');
  await showing(page, 'baking: pausing');
  await showing(page, `go on: nightshift resume ${bakingId}`);
  await expectFound('NightshiftState="paused"', [bakingId]);
  const resumed = await cli(['resume', 'baking'], { cwd: dir, env });
  expect(resumed.code, resumed.stderr).toBe(0);
  await expectFound('NightshiftState="paused"', []);
  await page.close();
});

test('each ready-made query of the guide finds what it says, and each search attribute', async () => {
  const guide = readFileSync('docs/guides/web-ui.md', 'utf8');
  const paths = [...guide.matchAll(/^\| ([^|`]+) \| `(\/namespaces\/[^`]+)` \|$/gm)];
  const queries = new Map(
    paths.map(([, what = '', path = '']) => [what, new URL(path, webUi).searchParams.get('query') ?? '']),
  );
  const [broken, baguette, toast] = await Promise.all(['broken', 'baguette', 'toast'].map(jobId));
  const ofBread = ['overnight-bread', 'rye', 'broken', 'spelt', 'baguette'];
  const breads = await Promise.all(ofBread.map(jobId));
  const expected = {
    'batches under way': [bakingId],
    'batches that ended unfinished': [batchId, refusedId, loginId],
    'parked jobs': [broken],
    'held jobs of one batch': [baguette],
    'jobs that a bad login stopped': [toast],
    'a job by its name': breads,
  };
  expect([...queries.keys()]).toEqual(Object.keys(expected));
  for (const [what, ids] of Object.entries(expected))
    await expectFound(queries.get(what) ?? '', ids as string[]);

  const jobs = 'WorkflowType="job" AND';
  await expectFound(`${jobs} NightshiftSite="garden" AND NightshiftWork="article"`, breads);
  await expectFound(`${jobs} NightshiftSite="shop"`, [toast ?? '']);
  await expectFound(`${jobs} NightshiftBatch="login"`, [toast ?? '']);
  await expectFound('WorkflowType="batch" AND NightshiftErrorClass="auth"', [loginId]);
  await expectFound('WorkflowType="batch" AND NightshiftWork="baking"', [bakingId]);
});

test('a job shows its steps and where its effect landed, and the time line names both', async () => {
  const page = await open(`/${encodeURIComponent(await jobId('spelt'))}`, 1010);
  await showing(page, 'post: garden / bread / spelt');
  await picture(page, 'web-ui-job');
  await page.getByText('User Metadata', { exact: true }).click();
  const text = await showing(page, 'how it stands');
  expect(text).toMatch(/agent\s+delivered artifact [0-9a-f]{12}; session host \S+, run [0-9a-f]{12}#1/);
  expect(text).toContain('landed: file:///');
  await page.close();
});

test('a night says which it is and what it came to, and its batch is found by its edition', async () => {
  const nights = join(dir, 'nights.yaml');
  writeFileSync(
    join(dir, 'night.yaml'),
    `name: digest
work: digest
identity: [slug, edition]
jobs: [{ slug: news }]
agent: { use: command, command: [echo, "${BODY}"] }
effects: [{ name: post, use: folder, target: ./public, with: { path: "{{ slug }}-{{ edition }}.md" } }]
`,
  );
  writeFileSync(
    nights,
    `timeZone: UTC\nschedules:\n  - { name: daily, batch: ./night.yaml, when: { at: '02:30' } }\n`,
  );
  await cli(['schedule', 'apply', nights], { cwd: dir, env });
  const asked = await cli(['schedule', 'trigger', 'daily', '--json'], { cwd: dir, env });
  const { ends } = JSON.parse(asked.stdout) as { ends: { edition: string; batchId: string }[] };
  const edition = ends[0]?.edition ?? '';
  expect(edition, asked.stderr).toMatch(/^\d{4}-\d\d-\d\d$/);

  const page = await open(
    `?query=${encodeURIComponent(`WorkflowType="batch" AND NightshiftEdition="${edition}"`)}`,
  );
  await showing(page, 'batch:digest:');
  await page.goto(`${webUi}/namespaces/default/workflows?query=WorkflowType%3D%22nightly%22`);
  await page.locator('a', { hasText: 'nightly' }).first().click();
  await showing(page, 'start the night of daily, due 2');
  expect(await textOf(page)).toMatch(/start the night of daily, due \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
  await page.getByText('User Metadata', { exact: true }).click();
  const text = await showing(page, `${edition}: started`);
  expect(text).toContain('night of daily, asked for');
  expect(text).toContain('Batch: digest');
  await expectFound(`WorkflowType="job" AND NightshiftEdition="${edition}"`, [await jobId('news')]);
  await page.close();
});

test('parked jobs are found by a ready-made query', async () => {
  const page = await open('?query=NightshiftState%3D%22parked%22', 520);
  const text = await showing(page, 'garden / bread / broken');
  await picture(page, 'web-ui-parked');
  expect([...new Set(text.match(/job:article:[0-9a-f]{32}/g))]).toHaveLength(1);
  await page.close();
});

test('a batch that is cancelled here ends, and the audit says that it was asked to', async () => {
  const page = await open(`/${encodeURIComponent(bakingId)}`);
  await page.getByRole('button', { name: 'Request Cancellation' }).click();
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expectFound('WorkflowType="batch" AND NightshiftState="cancelled"', [bakingId]);
  const { stdout } = await cli(['ledger', 'audit', 'baking', '--json'], { cwd: dir, env });
  const { requests } = JSON.parse(stdout) as { requests: { what: string; by: string; outcome: string }[] };
  expect(requests.filter(({ what }) => what === 'cancel')).toMatchObject([
    { by: 'unnamed', outcome: 'answered' },
  ]);
  await page.close();
});

test('neither the secret nor what the agent wrote is anywhere in the histories', async () => {
  const seen: string[] = [];
  const page = await open(`/${encodeURIComponent(batchId)}`);
  await showing(page, 'closeBatch');
  seen.push(await textOf(page));
  for (const query of ["WorkflowType='batch'", "WorkflowType='job'"]) {
    const list = (await (
      await fetch(`${webUi}/api/v1/namespaces/default/workflows?query=${encodeURIComponent(query)}`)
    ).json()) as { executions: { execution: { workflowId: string; runId: string } }[] };
    for (const { execution } of list.executions) {
      const path = `${encodeURIComponent(execution.workflowId)}/history?execution.runId=${execution.runId}`;
      const history = await (await fetch(`${webUi}/api/v1/namespaces/default/workflows/${path}`)).json();
      seen.push(JSON.stringify(history), decoded(history));
    }
  }
  expect(seen.length).toBeGreaterThan(8);
  expect(seen.join('\n')).toContain('nightly-articles');
  for (const hidden of [SECRET, BODY]) expect(seen.join('\n')).not.toContain(hidden);
  await page.close();
});

/** All payloads of a history, from their base64. */
function decoded(value: unknown): string {
  if (Array.isArray(value)) return value.map(decoded).join('\n');
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([name, inner]) =>
      name === 'data' && typeof inner === 'string' ? Buffer.from(inner, 'base64').toString() : decoded(inner),
    )
    .join('\n');
}
