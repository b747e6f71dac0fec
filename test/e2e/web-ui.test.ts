// What a person sees who opens Temporal's own Web UI, in a real browser against the embedded engine.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempDir } from '../support/batch.js';
import { cli, startCli, until, type RunningCli } from '../support/cli.js';

const SECRET = 'planted-secret-4711';
const BODY = 'what-the-article-says';
const dir = tempDir('nightshift-web-ui-');
const env = { API_KEY: SECRET };
/** Where pictures for the docs go, when somebody wants new ones. */
const pictures = process.env['NIGHTSHIFT_TEST_PICTURES'];

let up: RunningCli;
let webUi: string;
let batchId: string;
let browser: Browser;

function write(title: string, slugs: readonly string[]): string {
  const file = join(dir, 'batch.yaml');
  writeFileSync(
    join(dir, 'agent.sh'),
    `job=$(cat); case "$job" in *broken*) echo "the source page has no text" >&2; exit 1;; esac
    echo "${BODY} and more"`,
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
  expect(counts, second.stderr).toMatchObject({ done: 1, parked: 1, held: 1 });
  browser = await chromium.launch({
    executablePath: browserPath(),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
}, 300_000);

afterAll(async () => {
  await browser?.close();
  up?.process.kill('SIGTERM');
  await up?.exit;
});

async function open(path: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  page.setDefaultTimeout(60_000);
  await page.goto(`${webUi}/namespaces/default/workflows${path}`, { waitUntil: 'domcontentloaded' });
  return page;
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
  const page = await open(`/${encodeURIComponent(batchId)}`);
  await page.getByText('User Metadata', { exact: true }).click();
  const text = await showing(page, 'Not finished');
  await picture(page, 'web-ui-batch');
  expect(text).toContain('nightly-articles: incomplete');
  expect(text).toMatch(/done\s+1/);
  expect(text).toContain(
    'garden / bread / broken is parked: rejected: sh failed (exit code 1): the source page has no text',
  );
  expect(text).toContain('garden / bread / overnight-bread is held: conflict: ');
  expect(text).toContain(`nightshift retry ${batchId}`);
  expect(text).toMatch(/unknown: \d+ sessions? told no cost/);
  await page.close();
});

test('a job shows its steps and where its effect landed, and the time line names both', async () => {
  const { key } = JSON.parse((await cli(['trace', 'slug=spelt', '--json'], { cwd: dir, env })).stdout) as {
    key: string;
  };
  const page = await open(`/job%3Aarticle%3A${key}`);
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
  await showing(page, 'start the night of daily, due ');
  await page.getByText('User Metadata', { exact: true }).click();
  const text = await showing(page, `${edition}: started`);
  expect(text).toContain('night of daily, asked for');
  await page.close();
});

test('parked jobs are found by a ready-made query', async () => {
  const page = await open('?query=NightshiftState%3D%22parked%22');
  const text = await showing(page, 'job:article:');
  await picture(page, 'web-ui-parked');
  expect(text.match(/^\s*job:article:/gm)).toHaveLength(1);
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
