import type { GoogleGenAI } from '@google/genai';
import { durationMs } from '../../../contract/batch-file.js';
import { openDownload } from '../managed/download.js';
import { callInTurn, type Fetch } from '../managed/requests.js';
import type { Passing } from '../provider.js';
import { isClass, orMissing } from '../managed/or-missing.js';
import { NOWHERE, type CallKind, type JudgeOptions, type Meanings } from '../managed/ruling.js';
import { judge } from './classify.js';
import type { AntigravityOptions } from './options.js';
import {
  readEnvironment,
  readEnvironments,
  readFiles,
  readInteraction,
  type Environment,
  type EnvironmentFile,
  type FilePage,
  type Interaction,
} from './replies.js';

const ENVIRONMENTS_PAGE = 1000;
/** What an agent writes beyond so many files is not looked at. */
const FILES_MAX = 1000;

/** What each call is made with. */
interface Once {
  readonly maxRetries: 0;
  readonly signal: AbortSignal;
}

/** The body of a start, as the service takes it. */
export type StartBody = Parameters<GoogleGenAI['interactions']['create']>[0];

/** The calls that this adapter makes. Each is sent once, and each error has a class when it leaves. */
export interface GeminiApi {
  createEnvironment(signal: AbortSignal): Promise<Environment>;
  /** undefined where it is not there (any more). */
  environment(id: string, signal: AbortSignal): Promise<Environment | undefined>;
  /** All of the project, a request for each page. */
  environments(signal: AbortSignal): AsyncIterable<Environment>;
  /** Gone already is as good. */
  deleteEnvironment(id: string, signal: AbortSignal): Promise<void>;
  /** `taken` where the file is there already. @throws AdapterError `lost` where the environment is not there */
  putFile(environment: string, path: string, content: string, signal: AbortSignal): Promise<'put' | 'taken'>;
  /**
   * Costs money. Not ended by anything but its own timeout: an id that is not read can't be found again.
   * @param before done when its turn has come, right before it leaves; nothing leaves when it fails
   */
  start(body: StartBody, before: () => Promise<void>): Promise<Interaction>;
  interaction(id: string, signal: AbortSignal): Promise<Interaction | undefined>;
  /** Nothing left to cancel is as good. It takes effect a while later. */
  cancel(id: string, signal: AbortSignal): Promise<void>;
  deleteInteraction(id: string, signal: AbortSignal): Promise<void>;
  /** One file, by its path; undefined where it is not there. */
  file(environment: string, path: string, signal: AbortSignal): Promise<EnvironmentFile | undefined>;
  /** In a folder, a request for each page; none where the folder is not there. */
  files(environment: string, folder: string, signal: AbortSignal): AsyncIterable<EnvironmentFile>;
  download(
    environment: string,
    path: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** The library is loaded at the first call: nobody waits for one that is not used. */
export function geminiApi(
  options: AntigravityOptions,
  keyNow: () => string,
  judgeOptions: () => JudgeOptions,
  passing: Passing,
): GeminiApi {
  /** One for each call, whose further requests are told from those of others by its `fetch`. Making it costs nothing. */
  async function clientMaker(): Promise<(fetch: Fetch) => GoogleGenAI> {
    const apiKey = keyNow(); // looked up each time: a key may be changed while a worker runs
    const { GoogleGenAI } = await import('@google/genai');
    return (fetch) => {
      const { apiVersion, baseUrl } = options;
      const client = new GoogleGenAI({ apiKey, apiVersion, httpOptions: { baseUrl, fetch } });
      mutely(() => client.environments);
      return client;
    };
  }
  const sandbox = { ...(options.network !== undefined && { network: options.network }) };
  const timeoutMs = durationMs(options.requestTimeout);

  async function call<T>(
    what: string,
    kind: CallKind,
    signal: AbortSignal | undefined,
    send: (client: GoogleGenAI, once: Once) => PromiseLike<unknown>,
    read: (reply: unknown) => T,
    meanings?: Meanings,
    before?: () => Promise<void>,
  ): Promise<T> {
    const clientWith = await clientMaker();
    // The library keeps no time of its own where it gets a signal.
    return callInTurn(
      {
        ...passing,
        kind,
        timeoutMs,
        signal,
        before,
        judge: (error) => judge(error, what, kind, judgeOptions(), meanings),
      },
      async (until, fetch) => read(await send(clientWith(fetch), { maxRetries: 0, signal: until })),
    );
  }

  const filePage = (
    asked: { environment: string; path: string; page_token?: string },
    signal: AbortSignal,
  ): Promise<FilePage | undefined> =>
    orMissing(
      call('listing files', 'read', signal, (at, once) => at.environments.files.list(asked, once), readFiles),
    );

  return {
    createEnvironment: (signal) =>
      call(
        'making an environment',
        'free',
        signal,
        (at, once) => at.environments.create(sandbox, once),
        readEnvironment,
        NOWHERE,
      ),

    environment: (id, signal) =>
      orMissing(
        call(
          'GET environment',
          'read',
          signal,
          (at, once) => at.environments.get(id, undefined, once),
          readEnvironment,
        ),
      ),

    async *environments(signal) {
      let token: string | undefined;
      do {
        const asked = { page_size: ENVIRONMENTS_PAGE, ...(token !== undefined && { page_token: token }) };
        const send = (at: GoogleGenAI, once: Once) => at.environments.list(asked, once);
        const page = await call('listing environments', 'read', signal, send, readEnvironments, NOWHERE);
        yield* page.environments ?? [];
        token = page.next_page_token === '' ? undefined : page.next_page_token;
      } while (token !== undefined);
    },

    async deleteEnvironment(id, signal) {
      const send = (at: GoogleGenAI, once: Once) => at.environments.delete(id, undefined, once);
      await orMissing(call('deleting the environment', 'free', signal, send, nothing, GONE));
    },

    async putFile(environment, path, content, signal) {
      const file = new Blob([content]);
      const send = (at: GoogleGenAI, once: Once) =>
        at.environments.files.upload({ environment, path, file, overwrite: false }, once);
      try {
        await call('claiming the environment', 'free', signal, send, nothing, {
          404: 'lost',
          409: 'conflict',
        });
        return 'put';
      } catch (error) {
        if (isClass(error, 'conflict')) return 'taken';
        throw error;
      }
    },

    start: (body, before) =>
      call(
        'starting the run',
        'paid',
        undefined,
        (at, once) => at.interactions.create(body, once),
        readInteraction,
        undefined,
        before,
      ),

    interaction: (id, signal) =>
      orMissing(
        call(
          'GET interaction',
          'read',
          signal,
          (at, once) => at.interactions.get(id, undefined, once),
          readInteraction,
        ),
      ),

    async cancel(id, signal) {
      const send = (at: GoogleGenAI, once: Once) => at.interactions.cancel(id, undefined, once);
      // 400: it has ended. 404: it is gone, or the service has not got the method today.
      await orMissing(
        call('cancelling the run', 'free', signal, send, nothing, { 400: 'lost', 404: 'lost' }),
      );
    },

    async deleteInteraction(id, signal) {
      const send = (at: GoogleGenAI, once: Once) => at.interactions.delete(id, undefined, once);
      await orMissing(call('deleting the record', 'free', signal, send, nothing, GONE));
    },

    async file(environment, path, signal) {
      const { files = [] } = (await filePage({ environment, path }, signal)) ?? {};
      return files.find((entry) => entry.path === path);
    },

    async *files(environment, folder, signal) {
      let token: string | undefined;
      let found = 0;
      do {
        const asked = {
          environment,
          path: folder,
          ...(token !== undefined && { page_token: token }),
        };
        const { files = [], next_page_token } = (await filePage(asked, signal)) ?? {};
        yield* files;
        found += files.length;
        token = files.length === 0 || next_page_token === '' ? undefined : next_page_token;
      } while (token !== undefined && found < FILES_MAX);
    },

    async download(environment, path, signal) {
      const { baseUrl, apiVersion, downloadTimeout } = options;
      const place = [environment, 'files', ...path.split('/')].map(encodeURIComponent).join('/');
      const key = keyNow();
      return openDownload({
        ...passing,
        url: `${baseUrl.replace(/\/+$/, '')}/${apiVersion}/environments/${place}?alt=media`,
        headers: { 'x-goog-api-key': key },
        timeoutMs: durationMs(downloadTimeout),
        signal,
        secrets: [key],
      });
    },
  };
}

const nothing = (): void => undefined;

/** The library says on the console, once for each client, that this part of it is experimental. */
function mutely(touch: () => unknown): void {
  const { warn } = console;
  console.warn = nothing;
  try {
    touch();
  } finally {
    console.warn = warn;
  }
}

const GONE: Meanings = { 404: 'lost' };
