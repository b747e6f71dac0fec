import type Anthropic from '@anthropic-ai/sdk';
import { durationMs } from '../../../contract/batch-file.js';
import { openDownload } from '../managed/download.js';
import { callInTurn, fetchHere } from '../managed/requests.js';
import type { Passing } from '../provider.js';
import { isClass, orMissing } from '../managed/or-missing.js';
import { NOWHERE, type CallKind, type JudgeOptions, type Meanings } from '../managed/ruling.js';
import { judge } from './classify.js';
import type { ClaudeOptions } from './options.js';
import {
  readEvents,
  readFiles,
  readSent,
  readSession,
  readSessions,
  readVersion,
  type OutputFile,
  type Session,
  type SessionEvent,
} from './replies.js';

type Sessions = Anthropic['beta']['sessions'];
export type SessionBody = Parameters<Sessions['create']>[0];
type EventQuery = NonNullable<Parameters<Sessions['events']['list']>[1]>;

/** What each call is made with. */
interface Once {
  readonly maxRetries: 0;
  readonly timeout: number;
  readonly signal: AbortSignal;
}

interface Page<P> {
  hasNextPage(): boolean;
  getNextPage(): Promise<P>;
}

/** The calls that this adapter makes. Each is sent once, and each error has a class when it leaves. */
export interface ClaudeApi {
  /** Of an agent; undefined where the service does not say. */
  latestVersion(agent: string, signal: AbortSignal): Promise<number | undefined>;
  /** Costs nothing: the session is idle. */
  createSession(body: SessionBody, signal: AbortSignal): Promise<Session>;
  /** undefined where it is not there (any more). */
  session(id: string, signal: AbortSignal): Promise<Session | undefined>;
  /** Sessions of the agent since then, archived ones too, oldest first. */
  sessionsSince(since: Date, signal: AbortSignal): AsyncIterable<Session>;
  /**
   * Costs money. Not ended by anything but its own timeout.
   * @param before done when its turn has come, right before it leaves; nothing leaves when it fails
   * @returns the id of the message
   */
  sendMessage(session: string, text: string, before?: () => Promise<void>): Promise<string>;
  /** `refused` where the session takes no event (any more). */
  interrupt(session: string, signal: AbortSignal): Promise<'sent' | 'refused'>;
  /** The newest events of some types, newest first; undefined where the session is not there. */
  newestEvents(
    session: string,
    types: NonNullable<EventQuery['types']>,
    limit: number,
    signal: AbortSignal,
  ): Promise<SessionEvent[] | undefined>;
  /** `running`: refused for now. Archived or gone already is as good as archived. */
  archive(session: string, signal: AbortSignal): Promise<'archived' | 'running'>;
  files(session: string, signal: AbortSignal): Promise<OutputFile[]>;
  download(file: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined>;
}

const FILES_MAX = 1000;

/** Made at the first call: nobody waits for a library that is not used. */
export function claudeApi(
  options: ClaudeOptions,
  keyNow: () => string,
  judgeOptions: () => JudgeOptions,
  passing: Passing,
): ClaudeApi {
  const { apiVersion, beta } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  const timeout = durationMs(options.requestTimeout);
  const betas = [beta];

  let made: { key: string; client: Anthropic } | undefined;
  async function client(): Promise<Anthropic> {
    const key = keyNow(); // looked up each time: a key may be changed while a worker runs
    if (made?.key === key) return made.client;
    const { Anthropic } = await import('@anthropic-ai/sdk');
    made = {
      key,
      client: new Anthropic({
        apiKey: key,
        baseURL: baseUrl,
        maxRetries: 0,
        timeout,
        defaultHeaders: { 'anthropic-version': apiVersion },
        fetch: fetchHere,
        logLevel: 'off', // it writes to the console, and errors are told by us
        openTelemetry: false,
      }),
    };
    return made.client;
  }

  async function call<T>(
    what: string,
    kind: CallKind,
    signal: AbortSignal | undefined,
    send: (client: Anthropic, once: Once) => PromiseLike<T>,
    meanings?: Meanings,
    before?: () => Promise<void>,
  ): Promise<T> {
    const ready = await client();
    // Each of its calls is one request. The library times no more than the head of an answer.
    return callInTurn(
      {
        ...passing,
        kind,
        timeoutMs: timeout,
        signal,
        before,
        judge: (error) => judge(error, what, kind, judgeOptions(), meanings),
      },
      (within) => send(ready, { maxRetries: 0, timeout, signal: within }),
    );
  }

  /** A request for each page. */
  async function* pages<P extends Page<P>, T>(
    what: string,
    signal: AbortSignal,
    first: (client: Anthropic, once: Once) => PromiseLike<P>,
    read: (page: P) => T,
    meanings?: Meanings,
  ): AsyncGenerator<T> {
    let page: P | undefined;
    do {
      const last: P | undefined = page;
      const next = async (at: Anthropic, once: Once) => {
        page = await (last?.getNextPage() ?? first(at, once));
        return read(page);
      };
      yield await call(what, 'read', signal, next, meanings);
    } while (page?.hasNextPage());
  }

  return {
    latestVersion: (agent, signal) =>
      call('GET agent', 'read', signal, async (at, once) =>
        readVersion(await at.beta.agents.retrieve(agent, { betas }, once)),
      ),

    createSession: (body, signal) =>
      call('creating a session', 'free', signal, async (at, once) =>
        readSession(await at.beta.sessions.create({ ...body, betas }, once)),
      ),

    session: (id, signal) =>
      orMissing(
        call('GET session', 'read', signal, async (at, once) =>
          readSession(await at.beta.sessions.retrieve(id, { betas }, once)),
        ),
      ),

    async *sessionsSince(since, signal) {
      const query = {
        agent_id: options.agent,
        'created_at[gte]': since.toISOString(),
        include_archived: true,
        order: 'asc' as const,
        limit: 100,
        betas,
      };
      const first = (at: Anthropic, once: Once) => at.beta.sessions.list(query, once);
      for await (const page of pages('listing sessions', signal, first, readSessions, NOWHERE)) yield* page;
    },

    sendMessage(session, text, before) {
      const events = [{ type: 'user.message' as const, content: [{ type: 'text' as const, text }] }];
      const send = async (at: Anthropic, once: Once) =>
        readSent(await at.beta.sessions.events.send(session, { events, betas }, once));
      // A session that was created a moment ago and is gone: nothing is wrong with what was sent.
      return call('sending the prompt', 'paid', undefined, send, { 404: 'transient' }, before);
    },

    async interrupt(session, signal) {
      const events = [{ type: 'user.interrupt' as const }];
      const send = (at: Anthropic, once: Once) =>
        at.beta.sessions.events.send(session, { events, betas }, once);
      const sent = await orMissing(
        call('interrupting the session', 'free', signal, send, { 400: 'lost', 404: 'lost' }),
      );
      return sent ? 'sent' : 'refused';
    },

    newestEvents: (session, types, limit, signal) =>
      orMissing(
        call('listing events', 'read', signal, async (at, once) => {
          const query = { types, order: 'desc' as const, limit, betas };
          return readEvents(await at.beta.sessions.events.list(session, query, once));
        }),
      ),

    async archive(session, signal) {
      try {
        await orMissing(
          call(
            'archiving the session',
            'free',
            signal,
            (at, once) => at.beta.sessions.archive(session, { betas }, once),
            { 400: 'conflict', 404: 'lost', 409: 'conflict' },
          ),
        );
        return 'archived';
      } catch (error) {
        if (isClass(error, 'conflict')) return 'running';
        throw error;
      }
    },

    async files(session, signal) {
      const query = { scope_id: session, betas, limit: 100 };
      const first = (at: Anthropic, once: Once) => at.beta.files.list(query, once);
      const found: OutputFile[] = [];
      for await (const page of pages('listing files', signal, first, readFiles)) {
        found.push(...page);
        if (found.length >= FILES_MAX) break;
      }
      return found;
    },

    async download(file, signal) {
      const key = keyNow();
      return openDownload({
        ...passing,
        url: `${baseUrl}/v1/files/${encodeURIComponent(file)}/content`,
        headers: { 'x-api-key': key, 'anthropic-version': apiVersion, 'anthropic-beta': beta },
        timeoutMs: durationMs(options.downloadTimeout),
        signal,
        secrets: [key],
      });
    },
  };
}
