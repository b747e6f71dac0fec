// A whole session of the adapter against answers as the service documents them: the session and the sent prompt are its
// own examples; events and files, of which it shows none whole, are held to the types of its library by the compiler.
// Source of those: `resources/beta/{sessions/events,files}.d.ts` of @anthropic-ai/sdk 1.12.0.
import type Anthropic from '@anthropic-ai/sdk';
import { expect, test } from 'vitest';
import { recorded, replaying, type Recorded } from './recorded-answers.js';
import { aContext, bytesOf, idIn, makerFor, requestOf, sha256, thrown } from './managed-agents-fixture.js';

type Event = Anthropic.Beta.Sessions.BetaManagedAgentsSessionEvent;
type Idle = Anthropic.Beta.Sessions.BetaManagedAgentsSessionStatusIdleEvent;
type Failure = Anthropic.Beta.Sessions.BetaManagedAgentsSessionErrorEvent;
type File = Anthropic.Beta.BetaFileMetadata;

const IDS = { agent: 'agent_011CZkYpogX7uDKUyvBTophP', environment: 'env_011CZkZ9X2dpNyB7HsEFoRfW' };
const SESSION = 'sesn_011CZkZAtmR3yMPDzynEDxu7';
const NOW = Date.parse('2026-03-15T10:05:00Z');
const AT = '2026-03-15T10:04:00Z';

const message: Event = {
  id: 'sevt_011CZkZGOp0iBcp4kaQSihUmy',
  type: 'user.message',
  content: [{ type: 'text', text: 'Write.' }],
  processed_at: AT,
};
const said: Event = {
  id: 'sevt_said',
  type: 'agent.message',
  content: [{ type: 'text', text: 'It is written.' }],
  processed_at: AT,
};
const interrupt: Event = { id: 'sevt_stop', type: 'user.interrupt', processed_at: AT };
const idle = (stop_reason: Idle['stop_reason'], stop_details: Idle['stop_details'] = null): Event => ({
  id: 'sevt_idle',
  type: 'session.status_idle',
  processed_at: AT,
  stop_reason,
  stop_details,
});
const failed = (error: Failure['error']): Event => ({
  id: 'sevt_error',
  type: 'session.error',
  processed_at: AT,
  error,
});

/** The replaying server answers in JSON alone. */
const ARTICLE = JSON.stringify('# Rye');
const MANIFEST = JSON.stringify({
  files: [{ path: 'article.md', bytes: ARTICLE.length, sha256: sha256(Buffer.from(ARTICLE)) }],
});
const CONTENT: Readonly<Record<string, string>> = { file_article: ARTICLE, file_manifest: MANIFEST };
const file = (id: string, filename: string, mime_type: string): File => ({
  id,
  type: 'file',
  filename,
  mime_type,
  size_bytes: (CONTENT[id] ?? '').length,
  created_at: AT,
  downloadable: true,
  expires_at: null,
  scope: { id: SESSION, type: 'session' },
});
const FILES = [
  file('file_article', 'article.md', 'text/markdown'),
  file('file_manifest', 'manifest.json', 'application/json'),
];

interface Story {
  /** Oldest first. */
  readonly events?: readonly Event[];
  readonly files?: readonly File[];
  readonly status?: Anthropic.Beta.Sessions.BetaManagedAgentsSession['status'];
  /** How often archiving is refused because it runs. */
  readonly refusals?: number;
  readonly with?: object;
}

/** The service, by documented answers, when it was given the prompt. */
async function documented({ events = [], files = FILES, status = 'idle', refusals = 0, ...more }: Story) {
  const [session, sent] = await Promise.all(
    ['anthropic-session', 'anthropic-events-send'].map((name) => recorded(name)),
  );
  if (!session || !sent) throw new Error('no fixtures');
  const ok = (body: unknown): Recorded => ({ ...session, body });
  const calls: string[] = [];
  let left = refusals;
  const anthropicUrl = await replaying((method, asked) => {
    const { pathname, searchParams } = new URL(asked, 'http://localhost');
    calls.push(`${method} ${pathname}`);
    const [, id] = /^\/v1\/files\/(\w+)\/content$/.exec(pathname) ?? [];
    if (id !== undefined) return ok(JSON.parse(CONTENT[id] ?? ''));
    if (pathname === '/v1/files') return ok({ data: files, next_page: null });
    if (pathname.endsWith('/archive')) {
      return left-- > 0
        ? { ...session, status: 400, body: REFUSED }
        : ok({ ...(session.body as object), archived_at: AT });
    }
    if (!pathname.endsWith('/events')) return ok({ ...(session.body as object), status });
    if (method === 'POST') return sent;
    const types = searchParams.getAll('types[]');
    const listed = events.filter(({ type }) => types.includes(type));
    return ok({ data: searchParams.get('order') === 'desc' ? listed.reverse() : listed, next_page: null });
  });
  const make = await makerFor('claude', { geminiUrl: '', anthropicUrl }, IDS);
  const { context } = aContext({ now: () => NOW, advance: () => undefined });
  const ids = { session: SESSION, startedAt: AT };
  const handle = {
    v: 1,
    provider: 'claude',
    runKey: 'a'.repeat(32),
    attempt: 1,
    phase: 'started',
    ids,
  } as const;
  return { provider: await make(more.with), context, calls, handle };
}

/** Source of its form: `ErrorResponse` in the types of @anthropic-ai/sdk 1.12.0. */
const REFUSED = {
  type: 'error',
  error: { type: 'invalid_request_error', message: 'the session is running' },
  request_id: 'req_1',
};

test('a session is watched to the end of its turn, collected, booked and archived', async () => {
  const { provider, context, calls, handle } = await documented({
    events: [message, said, idle({ type: 'end_turn' })],
  });
  expect(await provider.poll(handle, context)).toEqual({ kind: 'succeeded' });
  const { content, mime } = await provider.collect(handle, context);
  expect([(await bytesOf(content)).toString(), mime]).toEqual([ARTICLE, 'text/markdown']);
  expect(await provider.usage(handle, context)).toMatchObject({
    costMicros: 25_000_000,
    costSource: 'provider',
  });
  calls.length = 0;
  await provider.release?.(handle, context);
  expect(calls).toEqual([`POST /v1/sessions/${SESSION}/archive`]);
});

test('its last message is read where that is the artifact', async () => {
  const { provider, context, handle } = await documented({
    events: [message, said],
    with: { output: 'text' },
  });
  const { content } = await provider.collect(handle, context);
  expect((await bytesOf(content)).toString()).toBe('It is written.');
});

test('without a manifest among its files the output is rejected', async () => {
  const { provider, context, handle } = await documented({ files: FILES.slice(0, 1) });
  const error = await thrown(provider, 'collect', () => provider.collect(handle, context));
  expect(error.errorClass).toBe('rejected');
});

const EXHAUSTED = { type: 'exhausted' } as const;
test.each<readonly [string, Story, object]>([
  ['at work', { status: 'running' }, { kind: 'running', note: 'running' }],
  ['tried again by the service', { status: 'rescheduling' }, { kind: 'running', note: 'rescheduling' }],
  ['at its budget', { events: [message, idle({ type: 'budget_reached' })] }, { errorClass: 'budget' }],
  [
    'asking for a person',
    { events: [message, idle({ type: 'requires_action', event_ids: ['sevt_1'] })] },
    { errorClass: 'invalid' },
  ],
  [
    'refused for a reason',
    { events: [message, idle({ type: 'refusal' }, { type: 'refusal', category: 'bio', explanation: null })] },
    { errorClass: 'rejected', message: 'the agent refused (bio)' },
  ],
  [
    'refused without one',
    { events: [message, idle({ type: 'refusal' }, { type: 'refusal', category: null, explanation: null })] },
    { errorClass: 'rejected', message: 'the agent refused' },
  ],
  [
    'given up for a model that is overloaded',
    {
      events: [
        message,
        failed({ type: 'model_overloaded_error', message: 'busy', retry_status: { type: 'retrying' } }),
        failed({ type: 'model_overloaded_error', message: 'busy', retry_status: EXHAUSTED }),
        idle({ type: 'retries_exhausted' }),
      ],
    },
    { errorClass: 'transient', message: 'the session gave up: model_overloaded_error: busy' },
  ],
  [
    'given up for a bill, whatever was tried again meanwhile',
    {
      events: [
        message,
        failed({ type: 'billing_error', message: 'no credit', retry_status: EXHAUSTED }),
        failed({ type: 'unknown_error', message: 'odd', retry_status: { type: 'retrying' } }),
        idle({ type: 'retries_exhausted' }),
      ],
    },
    { errorClass: 'exhausted', message: 'the session gave up: billing_error: no credit' },
  ],
  [
    'terminated for an unpaid bill',
    {
      status: 'terminated',
      events: [
        message,
        failed({ type: 'billing_error', message: 'no credit', retry_status: { type: 'terminal' } }),
      ],
    },
    { errorClass: 'exhausted', message: 'the session was terminated: billing_error: no credit' },
  ],
  ['interrupted', { events: [message, interrupt, idle({ type: 'end_turn' })] }, { kind: 'lost' }],
])('a session %s is known for it', async (_name, story, progress) => {
  const { provider, context, handle } = await documented(story);
  expect(await provider.poll(handle, context)).toMatchObject(progress);
});

test('a session is interrupted and archived when it is cancelled, as soon as the service lets it', async () => {
  const { provider, context, calls, handle } = await documented({ status: 'running', refusals: 1 });
  await provider.cancel(handle, context);
  expect(calls.filter((call) => call.startsWith('POST'))).toEqual([
    `POST /v1/sessions/${SESSION}/events`,
    `POST /v1/sessions/${SESSION}/events`,
    `POST /v1/sessions/${SESSION}/archive`,
    `POST /v1/sessions/${SESSION}/events`,
    `POST /v1/sessions/${SESSION}/archive`,
  ]);
});

test('a session is started by its own example of a reply', async () => {
  const { provider, context } = await documented({});
  const handle = await provider.start(requestOf(), undefined, context);
  expect(idIn(handle, 'session')).toBe(SESSION);
});
