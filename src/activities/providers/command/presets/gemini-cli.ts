import { z } from 'zod';
import { readFault } from '../../antigravity/error-body.js';
import { dayQuotaMs } from '../../antigravity/rulings.js';
import { waitHintMs } from '../../managed/wait-hint.js';
import { GOOGLE_PRICES } from '../../prices/google.js';
import { readTail, type RunPaths } from '../run-directory.js';
import { plainEnd } from './plain-end.js';
import type { EndedRun, Failure, Preset, PresetCall, PresetEnd, Reading } from './preset.js';
import { readStdout } from './read-stdout.js';
import { classOfLimit, failure } from './said-class.js';

const PROGRAM = 'gemini';
/** Its error document comes last, after logs and stacks. */
const STDERR_TAIL_BYTES = 64 * 1024;

const tokens = z.int().nonnegative().catch(0);
/** Source: runs of 0.61.0. `prompt` counts cached tokens, `candidates` no thoughts. */
const resultSchema = z.object({
  response: z.string().nullish(),
  stats: z
    .object({
      models: z.record(
        z.string(),
        z.object({
          tokens: z.object({
            prompt: tokens,
            candidates: tokens,
            cached: tokens,
            thoughts: tokens,
            tool: tokens,
          }),
        }),
      ),
    })
    .optional()
    .catch(undefined),
});

const errorSchema = z.object({
  error: z.object({ message: z.string(), code: z.union([z.number(), z.string()]).optional() }),
});

/** Exit codes of its own. Every other is an HTTP status, of which the system keeps what is left after 256. */
const OWN_CODES: Readonly<Record<number, Pick<Failure, 'errorClass' | 'message'>>> = {
  41: { errorClass: 'auth', message: 'is not logged in' },
  42: { errorClass: 'invalid', message: 'can’t use its input' },
  44: { errorClass: 'config', message: 'can’t make its sandbox' },
  52: { errorClass: 'config', message: 'is configured in a wrong way' },
  53: { errorClass: 'budget', message: 'stopped at its number of turns' },
  55: { errorClass: 'config', message: 'does not trust its folder' },
};
const STATUSES = [400, 401, 402, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504];

/** Gemini CLI without a terminal. It refuses a session id that it has seen. */
export const geminiCli: Preset = {
  name: 'gemini-cli',
  title: 'Gemini CLI 0.61.0',
  program: PROGRAM,
  install: 'npm install -g @google/gemini-cli',
  credentials: ['GEMINI_API_KEY', 'GOOGLE_API_KEY', 'GOOGLE_GENAI_USE_VERTEXAI'],
  logins: ['.gemini/oauth_creds.json'],
  env: { NO_COLOR: '1' },
  promptBy: 'stdin',
  capsMoney: false,
  prices: GOOGLE_PRICES,
  argv: (call) => [...common(call), '--session-id', call.session],
  resume: (call) => [...common(call), '-r', call.session],
  sessionOf: async (_paths, ours) => ours,
  read,
};

const common = ({ options: { model, permissionMode = 'yolo', args } }: PresetCall): string[] => [
  '-o',
  'json',
  '--skip-trust',
  '--approval-mode',
  permissionMode,
  ...(model === undefined ? [] : ['-m', model]),
  ...args,
];

async function read(paths: RunPaths, ended: EndedRun): Promise<Reading> {
  const text = await readStdout(paths);
  const result = text === undefined ? undefined : parse(resultSchema, text);
  const use = Object.entries(result?.stats?.models ?? {}).map(([model, { tokens: of }]) => ({
    model,
    tokens: {
      input: Math.max(0, of.prompt - of.cached) + of.tool,
      output: of.candidates + of.thoughts,
      cached: of.cached,
    },
  }));
  const response = result?.response ?? '';
  if (ended.rc === 0 && response.trim() !== '') return { end: { kind: 'ok', text: response }, use };
  return { end: await failed(paths, ended, result !== undefined), use };
}

async function failed(paths: RunPaths, ended: EndedRun, answered: boolean): Promise<PresetEnd> {
  const tail = await readTail(paths.stderr, STDERR_TAIL_BYTES);
  const said = lastDocument(tail);
  const words = said?.message ?? '';
  if (/already exists/.test(words === '' ? tail : words) && (ended.rc === 42 || words !== '')) {
    return {
      kind: 'lost',
      message: 'Gemini CLI has this session from an earlier start, whose result is not here',
    };
  }
  if (/no (previous )?sessions? found|invalid session identifier/i.test(words === '' ? tail : words)) {
    return { kind: 'lost', message: 'Gemini CLI does not have the session that was to be continued' };
  }
  const own = OWN_CODES[ended.rc];
  if (own) {
    return {
      kind: 'failed',
      errorClass: own.errorClass,
      message: `${PROGRAM} ${own.message}: ${oneLine(words)}`,
    };
  }
  const status = said?.status ?? STATUSES.find((one) => ended.rc !== 0 && one % 256 === ended.rc);
  if (words !== '') return fromService(words, status, ended);
  if (ended.rc !== 0 && status !== undefined)
    return failure(PROGRAM, `HTTP status ${status}`, ended, { status });
  return plainEnd(
    PROGRAM,
    paths,
    ended,
    answered
      ? { errorClass: 'rejected', why: 'gave an empty response' }
      : { errorClass: 'transient', why: 'printed nothing, as it does when it is stopped' },
  );
}

/** Money is a limit that no short wait helps against, whatever is said of waits beside it. */
const MONEY = /credit|balance|payment/i;

/** Words of a limit are the same for a minute and for a day: which quota it was decides, then the wait it asks for. */
function fromService(words: string, status: number | undefined, ended: EndedRun): Failure {
  const fault = readFault(words);
  const text = fault.message === '' ? words : fault.message;
  const found = failure(PROGRAM, text, ended, { status });
  const day = dayQuotaMs(fault, ended.now);
  if (day !== undefined) return { ...found, errorClass: 'exhausted', retryAfterMs: day };
  const hint = waitHintMs(undefined, fault.details);
  const isLimit = found.errorClass === 'throttled' || found.errorClass === 'exhausted';
  if (hint === undefined || !isLimit || MONEY.test(text)) return found;
  const retryAfterMs = Math.max(hint, found.retryAfterMs ?? 0);
  return { ...found, errorClass: classOfLimit(retryAfterMs, ended), retryAfterMs };
}

/** The last JSON object that begins a line of its own. */
function lastDocument(text: string): { message: string; status?: number } | undefined {
  const starts = [...text.matchAll(/^\{/gm)].map(({ index }) => index).reverse();
  for (const start of starts.slice(0, 50)) {
    const rest = text.slice(start);
    const end = rest.lastIndexOf('}');
    const found = parse(errorSchema, rest.slice(0, end + 1))?.error;
    if (!found) continue;
    const code = Number(found.code);
    return { message: found.message, ...(code >= 400 && code < 600 && { status: code }) };
  }
  return undefined;
}

const oneLine = (text: string): string => text.split('\n')[0]?.slice(0, 300) ?? '';

function parse<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no document
  }
}
