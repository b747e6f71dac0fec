// Each fault of the local agent server as a client of the Interactions API sees it, through the vendor's own SDK.
import type { GoogleGenAI, Interactions } from '@google/genai';
import { expect, test } from 'vitest';
import type { AgentServer, FaultName, FaultRuleInput } from '../../src/testing/agent-server/index.js';
import { aServer, geminiAt, HOUR, ONCE, startBody, thrownBy } from './agent-server-fixture.js';

interface Stage {
  readonly server: AgentServer;
  readonly client: GoogleGenAI;
  readonly start: () => Promise<Interactions.Interaction>;
  readonly get: (id: string) => Promise<Interactions.Interaction>;
}

async function aStage(rule: FaultRuleInput): Promise<Stage> {
  const server = await aServer({ faults: [rule] });
  const client = geminiAt(server.geminiUrl);
  return {
    server,
    client,
    start: () => client.interactions.create(startBody('remote'), ONCE),
    get: (id) => client.interactions.get(id, undefined, ONCE),
  };
}

const errorOf = (error: Record<string, unknown>) =>
  (
    JSON.parse(String(error['body'])) as {
      error: { code: unknown; status?: string; details?: Record<string, unknown>[] };
    }
  ).error;

/** What was started and paid, however the start looked to its caller. */
const paid = ({ server }: Stage): number => server.ledger().totals.paidTurns;

const create = { call: 'interactions.create' };

interface Case {
  readonly fault: FaultName;
  readonly title: string;
  readonly rule: FaultRuleInput;
  readonly see: (stage: Stage) => Promise<void>;
}

const replies: readonly (readonly [
  form: string,
  body: 'word' | 'classic',
  header: string,
  value: RegExp | null,
])[] = [
  ['seconds', 'word', 'retry-after', /^30$/],
  ['date', 'classic', 'retry-after', /GMT$/],
  ['ms', 'word', 'retry-after-ms', /^30000$/],
  ['none', 'classic', 'retry-after', null],
];

const cases: readonly Case[] = [
  {
    fault: 'timeout-mid-run',
    title: 'the run never ends, and can be cancelled',
    rule: { do: 'timeout-mid-run' },
    see: async ({ server, client, start, get }) => {
      const { id } = await start();
      server.advance(100 * HOUR);
      expect((await get(id)).status).toBe('in_progress');
      await client.interactions.cancel(id, undefined, ONCE);
      server.advance(10_000);
      expect((await get(id)).status).toBe('cancelled');
    },
  },
  ...replies.map(([form, body, header, value]): Case => ({
    fault: 'throttle',
    title: `429 with hint "${form}" in a ${body} body, nothing started`,
    rule: { match: create, do: 'throttle', with: { form, body } },
    see: async (stage) => {
      const error = await thrownBy(stage.start);
      expect(error).toMatchObject({ name: 'RateLimitError', status: 429 });
      const said = (error['headers'] as Headers).get(header);
      if (value) expect(said).toMatch(value);
      else expect(said).toBeNull();
      expect(errorOf(error)).toMatchObject(
        body === 'word' ? { code: 'rate_limit_exceeded' } : { code: 429, status: 'RESOURCE_EXHAUSTED' },
      );
      expect(paid(stage)).toBe(0);
    },
  })),
  {
    fault: 'throttle',
    title: '429 with RetryInfo only',
    rule: { match: create, do: 'throttle', with: { form: 'retry-info', seconds: 7 } },
    see: async ({ start }) => {
      expect(errorOf(await thrownBy(start)).details).toMatchObject([{ retryDelay: '7s' }]);
    },
  },
  ...(['before', 'after'] as const).flatMap((commit) =>
    (['500', '502', '503', '504'] as const).map((form): Case => ({
      fault: 'server-error',
      title: `${form} ${commit} the commit`,
      rule: { match: create, do: 'server-error', with: { form, commit } },
      see: async (stage) => {
        const error = await thrownBy(stage.start);
        expect(error['status']).toBe(Number(form));
        if (form === '502') expect(String(error['body'])).toMatch(/^<!DOCTYPE html>/);
        expect(paid(stage)).toBe(commit === 'after' ? 1 : 0);
      },
    })),
  ),
  {
    fault: 'drop-before',
    title: 'the connection breaks and nothing was started',
    rule: { match: create, do: 'drop-before' },
    see: async (stage) => {
      expect((await thrownBy(stage.start)).name).toBe('APIConnectionError');
      expect(paid(stage)).toBe(0);
      expect(stage.server.requests().at(-1)).toMatchObject({ status: 0, fault: 'drop-before:plain' });
    },
  },
  {
    fault: 'drop-after-commit',
    title: 'the connection breaks in the same way, and the run is paid for',
    rule: { match: create, do: 'drop-after-commit' },
    see: async (stage) => {
      expect((await thrownBy(stage.start)).name).toBe('APIConnectionError');
      expect(paid(stage)).toBe(1);
    },
  },
  {
    fault: 'truncate-body',
    title: '200 and half the JSON',
    rule: { match: create, do: 'truncate-body' },
    see: async (stage) => {
      const error = await thrownBy(stage.start);
      expect(error['status']).toBeUndefined();
      expect(paid(stage)).toBe(1);
    },
  },
  {
    fault: 'fresh-404',
    title: 'the new run is not found for a while',
    rule: { do: 'fresh-404', with: { seconds: 100 } },
    see: async ({ server, start, get }) => {
      const { id } = await start();
      expect(await thrownBy(() => get(id))).toMatchObject({ status: 404 });
      server.advance(101_000);
      expect((await get(id)).status).toBe('in_progress');
    },
  },
  {
    fault: 'sandbox-restart',
    title: 'files vanish and the run goes on to its end',
    rule: { do: 'sandbox-restart', with: { form: 'goes-on' } },
    see: async ({ server, client, start, get }) => {
      const { id, environment_id: environment = '' } = await start();
      server.advance(HOUR);
      expect((await get(id)).status).toBe('completed');
      const { files } = await client.environments.files.list({ environment, path: 'out' }, ONCE);
      expect(files?.map(({ name }) => name)).toEqual(['article.md', 'manifest.json']); // no started.json
    },
  },
  {
    fault: 'sandbox-restart',
    title: 'files vanish for good though the run completes',
    rule: { do: 'sandbox-restart', with: { form: 'files-gone' } },
    see: async ({ server, client, start, get }) => {
      const { id, environment_id: environment = '' } = await start();
      server.advance(HOUR);
      expect((await get(id)).status).toBe('completed');
      const list = () => client.environments.files.list({ environment, path: 'out' }, ONCE);
      expect(await thrownBy(list)).toMatchObject({ status: 404 });
    },
  },
  {
    fault: 'sandbox-restart',
    title: 'the run fails',
    rule: { do: 'sandbox-restart', with: { form: 'fails' } },
    see: async ({ server, start, get }) => {
      const { id } = await start();
      server.advance(HOUR);
      expect(await get(id)).toMatchObject({ status: 'failed', errors: [{ code: 'api_error' }] });
    },
  },
  ...(['hash', 'no-manifest'] as const).map((form): Case => ({
    fault: 'truncated-output',
    title: `the article is cut (${form})`,
    rule: { do: 'truncated-output', with: { form } },
    see: async ({ server, client, start, get }) => {
      const { id, environment_id: environment = '' } = await start();
      server.advance(HOUR);
      expect((await get(id)).status).toBe('completed');
      const article = await client.environments.files.download({ environment, path: 'out/article.md' });
      const manifest = () => client.environments.files.download({ environment, path: 'out/manifest.json' });
      if (form === 'no-manifest') return void (await thrownBy(manifest));
      const { files } = JSON.parse(Buffer.from(await manifest()).toString()) as {
        files: { bytes: number }[];
      };
      expect(files[0]?.bytes).toBeGreaterThan(article.length);
    },
  })),
  {
    fault: 'empty-output',
    title: 'completed with nothing',
    rule: { do: 'empty-output' },
    see: async ({ server, start, get }) => {
      const { id } = await start();
      server.advance(HOUR);
      const ended = await get(id);
      expect(ended.status).toBe('completed');
      expect(ended.output_text).toBeUndefined();
    },
  },
  {
    fault: 'slow',
    title: 'the run takes a multiple of its time',
    rule: { do: 'slow', with: { factor: 30 } },
    see: async ({ server, start, get }) => {
      const { id } = await start();
      server.advance(HOUR);
      expect((await get(id)).status).toBe('in_progress');
      server.advance(10 * HOUR);
      expect((await get(id)).status).toBe('completed');
    },
  },
  {
    fault: 'client-timeout',
    title: 'started, and answered when the caller has gone',
    rule: { match: create, do: 'client-timeout' },
    see: async (stage) => {
      const body = startBody('remote');
      const call = () => stage.client.interactions.create(body, { maxRetries: 0, timeout_ms: 100 });
      expect((await thrownBy(call)).name).toBe('APIConnectionTimeoutError');
      expect(paid(stage)).toBe(1);
    },
  },
  ...(['429', '402'] as const).map((form): Case => ({
    fault: 'spend-cap',
    title: `${form}, nothing started`,
    rule: { do: 'spend-cap', with: { form, body: 'word' } },
    see: async (stage) => {
      const error = await thrownBy(stage.start);
      expect(error['status']).toBe(Number(form));
      expect(errorOf(error).code).toBe(form === '429' ? 'resource_exhausted' : 'payment_required');
      expect(paid(stage)).toBe(0);
    },
  })),
  {
    fault: 'spend-cap',
    title: 'the run ends incomplete',
    rule: { do: 'spend-cap', with: { form: 'incomplete' } },
    see: async ({ server, start, get }) => {
      const { id } = await start();
      server.advance(HOUR);
      expect((await get(id)).status).toBe('incomplete');
    },
  },
  {
    fault: 'day-quota',
    title: 'in words',
    rule: { match: create, do: 'day-quota', with: { form: 'word' } },
    see: async ({ start }) => expect(errorOf(await thrownBy(start)).code).toBe('quota_exceeded'),
  },
  {
    fault: 'day-quota',
    title: 'as a quota per day that misleads with a short retry delay',
    rule: { match: create, do: 'day-quota', with: { form: 'per-day' } },
    see: async ({ start }) => {
      const { details } = errorOf(await thrownBy(start));
      expect(JSON.stringify(details)).toMatch(/PerDay.*"retryDelay":"22s"/);
    },
  },
  {
    fault: 'lost',
    title: 'run and environment answer 404 for good',
    rule: { do: 'lost' },
    see: async ({ server, client, start, get }) => {
      const { id, environment_id: environment = '' } = await start();
      server.advance(30_000);
      expect((await get(id)).status).toBe('in_progress');
      server.advance(HOUR);
      expect(await thrownBy(() => get(id))).toMatchObject({ status: 404 });
      expect(await thrownBy(() => client.environments.get(environment, undefined, ONCE))).toMatchObject({
        status: 404,
      });
      expect(server.ledger().totals).toMatchObject({ paidTurns: 1, open: 0 });
    },
  },
  ...(['401', '403'] as const).map((form): Case => ({
    fault: 'auth',
    title: `${form} from a moment on`,
    rule: { do: 'auth', with: { form, seconds: 60 } },
    see: async ({ server, start, get }) => {
      const { id } = await start();
      server.advance(61_000);
      expect(await thrownBy(() => get(id))).toMatchObject({ status: Number(form) });
      expect(await thrownBy(start)).toMatchObject({ status: Number(form) });
    },
  })),
  {
    fault: 'needs-action',
    title: 'the run asks for a person',
    rule: { do: 'needs-action' },
    see: async ({ server, start, get }) => {
      const { id } = await start();
      server.advance(HOUR);
      expect((await get(id)).status).toBe('requires_action');
    },
  },
  {
    fault: 'refuse',
    title: 'failed with a safety code',
    rule: { do: 'refuse' },
    see: async ({ server, start, get }) => {
      const { id } = await start();
      server.advance(HOUR);
      expect(await get(id)).toMatchObject({ status: 'failed', errors: [{ code: 'safety' }] });
    },
  },
  ...(['not-found', 'method'] as const).map((form): Case => ({
    fault: 'cancel-404',
    title: `cancel answers 404 (${form})`,
    rule: { do: 'cancel-404', with: { form } },
    see: async ({ client, start }) => {
      const { id } = await start();
      const error = await thrownBy(() => client.interactions.cancel(id, undefined, ONCE));
      expect(error['status']).toBe(404);
      expect(errorOf(error).code).toBe(form === 'method' ? 404 : 'not_found');
    },
  })),
  {
    fault: 'cancel-lag',
    title: 'in progress for a while after a cancel',
    rule: { do: 'cancel-lag', with: { seconds: 40 } },
    see: async ({ server, client, start, get }) => {
      const { id } = await start();
      server.advance(10_000);
      await client.interactions.cancel(id, undefined, ONCE);
      server.advance(39_000);
      expect((await get(id)).status).toBe('in_progress');
      server.advance(2_000);
      expect((await get(id)).status).toBe('cancelled');
    },
  },
  {
    fault: 'unknown-status',
    title: 'a status that no SDK knows, then the end',
    rule: { do: 'unknown-status' },
    see: async ({ server, start, get }) => {
      const { id } = await start();
      server.advance(30_000);
      expect((await get(id)).status).toBe('hibernating');
      server.advance(HOUR);
      expect((await get(id)).status).toBe('completed');
    },
  },
];

test.each(cases)('$fault: $title', async ({ rule, see }) => see(await aStage(rule)));

test('every fault of this service is among them', async () => {
  const { FAULTS } = await import('../../src/testing/agent-server/faults/catalogue.js');
  const here = Object.entries(FAULTS).flatMap(([name, places]) => (places.gemini ? [name] : []));
  expect([...new Set(cases.map(({ fault }) => fault))].sort()).toEqual(here.sort());
});
