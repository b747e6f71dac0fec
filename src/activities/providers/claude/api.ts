import type Anthropic from '@anthropic-ai/sdk';
import { durationMs } from '../../../contract/batch-file.js';
import { openDownload } from '../managed/download.js';
import type { ProviderSetup } from '../provider.js';
import { isClass, orMissing } from '../managed/or-missing.js';
import type { CallKind, JudgeOptions, Meanings } from '../managed/ruling.js';
import { judge } from './classify.js';
import type { ClaudeOptions } from './options.js';
import {
  readEvents,
  readFiles,
  readSent,
  readSession,
  readSessions,
  type OutputFile,
  type Session,
  type SessionEvent,
} from './replies.js';

type Sessions = Anthropic['beta']['sessions'];
export type SessionBody = Parameters<Sessions['create']>[0];
type EventQuery = NonNullable<Parameters<Sessions['events']['list']>[1]>;

/** The calls that this adapter makes. Each is sent once, and each error has a class when it leaves. */
export interface ClaudeApi {
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
  turn: ProviderSetup<unknown>['turn'],
): ClaudeApi {
  const { apiVersion, beta } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  const timeout = durationMs(options.requestTimeout);
  const betas = [beta];
  const once = (signal?: AbortSignal) => ({ maxRetries: 0, timeout, ...(signal && { signal }) });

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
        fetchOptions: { redirect: 'manual' },
        logLevel: 'off', // it writes to the console, and errors are told by us
        openTelemetry: false,
      }),
    };
    return made.client;
  }

  async function call<T>(
    what: string,
    kind: CallKind,
    send: (client: Anthropic) => PromiseLike<T>,
    meanings?: Meanings,
    before?: () => Promise<void>,
  ): Promise<T> {
    const ready = await client();
    await turn?.();
    await before?.();
    try {
      return await send(ready);
    } catch (error) {
      throw judge(error, what, kind, judgeOptions(), meanings);
    }
  }

  return {
    createSession: (body, signal) =>
      call('creating a session', 'free', async (at) =>
        readSession(await at.beta.sessions.create({ ...body, betas }, once(signal))),
      ),

    session: (id, signal) =>
      orMissing(
        call('GET session', 'read', async (at) =>
          readSession(await at.beta.sessions.retrieve(id, { betas }, once(signal))),
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
      type Page = Awaited<ReturnType<Sessions['list']>>;
      let page: Page | undefined;
      do {
        const before: Page | undefined = page;
        const next = (at: Anthropic) => before?.getNextPage() ?? at.beta.sessions.list(query, once(signal));
        const read = async (at: Anthropic) => {
          page = await next(at);
          return readSessions(page);
        };
        yield* await call('listing sessions', 'read', read, {});
      } while (page?.hasNextPage());
    },

    sendMessage(session, text, before) {
      const events = [{ type: 'user.message' as const, content: [{ type: 'text' as const, text }] }];
      const send = async (at: Anthropic) =>
        readSent(await at.beta.sessions.events.send(session, { events, betas }, once()));
      return call('sending the prompt', 'paid', send, undefined, before);
    },

    async interrupt(session, signal) {
      const events = [{ type: 'user.interrupt' as const }];
      const send = (at: Anthropic) => at.beta.sessions.events.send(session, { events, betas }, once(signal));
      const sent = await orMissing(
        call('interrupting the session', 'free', send, { 400: 'lost', 404: 'lost' }),
      );
      return sent ? 'sent' : 'refused';
    },

    newestEvents: (session, types, limit, signal) =>
      orMissing(
        call('listing events', 'read', async (at) => {
          const query = { types, order: 'desc' as const, limit, betas };
          return readEvents(await at.beta.sessions.events.list(session, query, once(signal)));
        }),
      ),

    async archive(session, signal) {
      try {
        await orMissing(
          call(
            'archiving the session',
            'free',
            (at) => at.beta.sessions.archive(session, { betas }, once(signal)),
            { 400: 'conflict', 404: 'lost', 409: 'conflict' },
          ),
        );
        return 'archived';
      } catch (error) {
        if (isClass(error, 'conflict')) return 'running';
        throw error;
      }
    },

    files: (session, signal) =>
      call('listing files', 'read', async (at) => {
        const query = { scope_id: session, betas, limit: 100 };
        const pages = (await at.beta.files.list(query, once(signal))).iterPages();
        const found: OutputFile[] = [];
        for await (const page of pages) {
          found.push(...readFiles(page));
          if (found.length >= FILES_MAX) break;
          if (page.hasNextPage()) await turn?.();
        }
        return found;
      }),

    async download(file, signal) {
      await turn?.();
      const key = keyNow();
      return openDownload({
        url: `${baseUrl}/v1/files/${encodeURIComponent(file)}/content`,
        headers: { 'x-api-key': key, 'anthropic-version': apiVersion, 'anthropic-beta': beta },
        timeoutMs: durationMs(options.downloadTimeout),
        signal,
        secrets: [key],
      });
    },
  };
}
