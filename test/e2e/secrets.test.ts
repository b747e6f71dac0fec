/**
 * Secrets go to those they are for, and nowhere else: four values are planted where operators put theirs, those they are for
 * are made to repeat them in what they say, and then all that was written, shown or sent is searched for them.
 */
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startAgentServer } from '../../src/testing/index.js';
import { tempDir, writeBatch, writeHostedBatch } from '../support/batch.js';
import { cli, startCli, until } from '../support/cli.js';
import { startCollector } from '../support/collector.js';

const PLANTED = {
  AGENT_TOKEN: 'planted-agent-7Yq2',
  SITE_TOKEN: 'planted-site-k3Vd',
  HOOK_TOKEN: 'planted-hook-9Xw5',
  GEMINI_API_KEY: 'AIza-planted-gemini-41Lp',
};

test('a planted secret is in no file, no history, no log, no span, no report and no message', async () => {
  const root = tempDir('nightshift-secrets-');
  const state = join(root, 'state');
  const site = await aSite();
  const hosted = await startAgentServer({ seed: 3, speed: 1500 });
  const collector = await startCollector();
  onTestFinished(async () => {
    site.close();
    collector.close();
    await hosted.close();
  });
  const { file, dir } = writeBatch({
    dir: join(root, 'nightly'),
    slugs: ['fine', 'refused', 'broken', 'failing'],
    before: `case $slug in
  failing) echo "the key $AGENT_TOKEN was refused" >&2; exit 1;;
  *) [ -n "$AGENT_TOKEN" ] && echo given >> given.log;;
esac`,
    sessionsMax: 1,
  });
  const text = readFileSync(file, 'utf8')
    .replace('timeout: 60s', 'timeout: 60s, env: { AGENT_TOKEN: "${env:AGENT_TOKEN}" }')
    .replace(
      /effects:[^]*limits/,
      `effects:
  - name: post
    use: http
    target: site
    with:
      url: ${site.url}/posts
      headers: { authorization: "Bearer \${env:SITE_TOKEN}" }
      body: { slug: "{{ slug }}", text: "{{ artifact }}" }
      settle: 1s
alerts: [{ use: webhook, url: "${site.url}/hooks/\${env:HOOK_TOKEN}" }]
limits`,
    );
  writeFileSync(file, text);
  const article = writeHostedBatch(
    'antigravity',
    { dir: join(root, 'hosted'), name: 'hosted', slugs: ['one'] },
    { options: { baseUrl: hosted.geminiUrl, pollInterval: '100ms' }, concurrency: 1 },
  );

  const env = { ...PLANTED, NIGHTSHIFT_LOG: 'json', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const told: string[] = [];
  const call = async (...args: string[]) => {
    const exit = await cli([...args, '--state', state], { cwd: dir, env });
    told.push(exit.stdout, exit.stderr);
    return exit;
  };
  const up = startCli(['up', '--state', state, '--json'], { cwd: dir, env });
  let said = '';
  up.process.stdout?.on('data', (chunk: string) => (said += chunk));
  await until('the worker is up', () => said.includes('}'));

  expect((await call('run', file, '--json')).code).toBe(2);
  expect((await call('run', article.file)).code).toBe(0);
  // All that people look at, in words and as documents.
  for (const json of [[], ['--json']]) {
    for (const words of [
      ['status', 'nightly'],
      ['approve', 'nightly'],
      ['report', 'nightly'],
      ['trace', 'failing'],
      ['trace', 'refused'],
      ['trace', 'one'],
      ['costs'],
      ['alert', 'list'],
      ['list'],
      ['lanes'],
      ['plan', file],
      ['run', file, '--dry-run'],
      ['doctor', file],
    ])
      await call(...words, ...json);
  }
  await call('alert', 'test', file);
  await call('trace', 'failing', '--html', join(root, 'trace.html'));
  await call('ledger', 'export', join(root, 'receipts.jsonl'), '--history');
  await call('ledger', 'backup', join(root, 'backup'));
  up.process.kill('SIGTERM');
  const { stdout, stderr } = await up.exit; // sends what is left
  told.push(stdout, stderr);

  // Those whom the secrets are for got them, and said them again.
  expect(site.got.filter(({ auth }) => auth === `Bearer ${PLANTED.SITE_TOKEN}`).length).toBeGreaterThan(2);
  expect(site.got.some(({ url }) => url === `/hooks/${PLANTED.HOOK_TOKEN}`)).toBe(true);
  expect(readFileSync(join(dir, 'given.log'), 'utf8')).toContain('given');
  expect(JSON.stringify(hosted.requests())).toContain('interactions');

  const kept = filesIn(root);
  const hay = [
    ...kept.map((path) => ({ what: path, bytes: readFileSync(path) })),
    ...told.map((what) => ({ what: `said: ${what}`, bytes: Buffer.from(what) })),
    ...collector.raw.map((bytes) => ({ what: 'spans', bytes })),
    ...site.alerts.map((bytes) => ({ what: 'an alert', bytes })),
  ];
  const found = Object.values(PLANTED).flatMap((secret) =>
    hay.filter(({ bytes }) => spelt(secret).some((form) => bytes.includes(form))).map(({ what }) => what),
  );
  // What an agent prints is kept as it printed it, in a folder that nobody else may open (how-rerunning-works.md).
  const printed = found.filter((what) => /\/runs\/[^/]+\/stderr$/.test(what));
  expect(found).toEqual(printed);
  expect(printed.length).toBeGreaterThan(0);
  expect(statSync(join(state, 'runs')).mode & 0o077).toBe(0);

  // The search would have found them: what is no secret is in each of those places.
  const holds = (part: RegExp, words: string) =>
    expect(
      kept.some((path) => part.test(path) && readFileSync(path).includes(words)),
      String(part),
    ).toBe(true);
  holds(/ledger\.db/, 'the key');
  holds(/engine/, 'failing');
  holds(/\.html$/, 'failing');
  expect(collector.raw.some((body) => body.includes('failing'))).toBe(true);
  expect(told.join('')).toMatch(/the key \S+ was refused/);
  expect(site.alerts.length).toBeGreaterThan(0);
}, 300_000);

/** The secret as it is, and within what was written in base64, wherever its first byte fell. */
const spelt = (secret: string): string[] => [
  secret,
  ...[0, 1, 2].map((before) =>
    Buffer.from(' '.repeat(before) + secret)
      .toString('base64')
      .slice(before === 0 ? 0 : 4, -4),
  ),
];

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

interface Site {
  readonly url: string;
  readonly got: { readonly url: string; readonly auth: string | undefined }[];
  readonly alerts: Buffer[];
  readonly close: Server['close'];
}

/** Takes posts and alerts, and has the bad habit to repeat what it was sent. */
async function aSite(): Promise<Site> {
  const got: Site['got'] = [];
  const alerts: Buffer[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { url = '', headers } = request;
      const body = Buffer.concat(parts);
      got.push({ url, auth: headers.authorization });
      const says = JSON.stringify({ error: `no, ${headers.authorization ?? ''} at ${url}` });
      if (url.startsWith('/hooks/')) {
        alerts.push(body);
        response.writeHead(alerts.length === 1 ? 500 : 200).end(says);
      } else if (body.includes('"slug":"refused"')) response.writeHead(422).end(says);
      else if (body.includes('"slug":"broken"')) response.writeHead(500).end(says);
      else response.writeHead(201).end('{"id":"7"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, got, alerts, close: server.close.bind(server) };
}
