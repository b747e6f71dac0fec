// What docs/guides/agent-server.md says of a batch, done as it is written there.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { antigravity } from '../../src/activities/providers/antigravity/provider.js';
import { claude } from '../../src/activities/providers/claude/provider.js';
import { aContext, makerFor, requestOf, watched } from './managed-agents-fixture.js';
import { aServer } from './agent-server-fixture.js';

const GUIDE = readFileSync(
  fileURLToPath(new URL('../../docs/guides/agent-server.md', import.meta.url)),
  'utf8',
);

interface Written {
  readonly use: 'antigravity' | 'claude';
  readonly with: { readonly baseUrl: string; readonly agent: string; readonly environment: string };
}

const WRITTEN = [...GUIDE.matchAll(/```yaml\n(agent:[^`]*)```/g)].map(
  ([, text = '']) => (parse(text) as { agent: Written }).agent,
);

test('shows a batch for each service', () => {
  expect(WRITTEN.map(({ use }) => use)).toEqual(['antigravity', 'claude']);
});

test.each(WRITTEN)(
  'a batch that uses $use gets an article, also after a reset',
  async ({ use, with: options }) => {
    const server = await aServer();
    server.reset();
    const { baseUrl, ...more } = options;
    const surface = use === 'claude' ? server.anthropicUrl : server.geminiUrl;
    expect(new URL(baseUrl).pathname).toBe(new URL(surface).pathname);
    expect((use === 'claude' ? claude : antigravity).options.safeParse(options).success).toBe(true);
    const provider = await (await makerFor(use, server, more))();
    const { context } = aContext(server);
    const handle = await provider.start(requestOf(), undefined, context);
    expect(await watched(provider, handle, context, server)).toMatchObject({ kind: 'succeeded' });
    expect(server.ledger().totals).toMatchObject({ runs: 1, paidTurns: 1 });
  },
);

test('prints the ids that it is started with', async () => {
  const { agent, environment } = (await aServer()).readyMade;
  expect(GUIDE).toContain(`\nagent        ${agent}\nenvironment  ${environment}\n`);
});
