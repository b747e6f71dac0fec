import { userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { readTail, type RunPaths } from '../run-directory.js';
import { plainEnd } from './plain-end.js';
import type { EndedRun, Preset, PresetCall, PresetEnd, Reading } from './preset.js';
import { readStdout } from './read-stdout.js';
import { failure } from './said-class.js';

const PROGRAM = 'claude';

const tokens = z.int().nonnegative().catch(0);
/** One JSON object on stdout, also for most failures. Source: runs of 2.1.197. */
const resultSchema = z.object({
  type: z.literal('result'),
  subtype: z.string(),
  is_error: z.boolean(),
  api_error_status: z.int().nullish(),
  result: z.string().optional(),
  stop_reason: z.string().nullish(),
  total_cost_usd: z.number().nonnegative().optional(),
  modelUsage: z
    .record(
      z.string(),
      z.object({
        inputTokens: tokens,
        outputTokens: tokens,
        cacheReadInputTokens: tokens,
        cacheCreationInputTokens: tokens,
      }),
    )
    .optional()
    .catch(undefined),
});
type Result = z.infer<typeof resultSchema>;

/** Claude Code in print mode. It refuses a session id that it has seen: a second start costs nothing. */
export const claudeCode: Preset = {
  name: 'claude-code',
  title: 'Claude Code 2.1.197',
  program: PROGRAM,
  install: 'npm install -g @anthropic-ai/claude-code',
  credentials: [
    'ANTHROPIC_API_KEY',
    'ANTHROPIC_AUTH_TOKEN',
    'CLAUDE_CODE_OAUTH_TOKEN',
    'CLAUDE_CODE_USE_BEDROCK',
    'CLAUDE_CODE_USE_VERTEX',
  ],
  logins: ['.claude/.credentials.json'],
  env: { DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' },
  promptBy: 'stdin',
  quiet: '15m',
  capsMoney: true,
  prices: [],
  refusesHost: ({ permissionMode = 'bypassPermissions' }, env) =>
    permissionMode === 'bypassPermissions' && userInfo().uid === 0 && env['IS_SANDBOX'] !== '1'
      ? 'Claude Code refuses permissionMode bypassPermissions for root; run the worker as another user, set agent.with.permissionMode to acceptEdits, or, in a container made for it, agent.env IS_SANDBOX to "1"'
      : undefined,
  argv: (call) => [...common(call), '--session-id', call.session],
  resume: (call) => [...common(call), '--resume', call.session],
  sessionOf: async (_paths, ours) => ours,
  // The transcript of a session; its folder is named after the working directory.
  signs: (home, cwd, session) => [
    join(home, '.claude', 'projects', cwd.replace(/[^A-Za-z0-9]/g, '-'), `${session}.jsonl`),
  ],
  read,
};

const common = ({
  options: { model, maxBudget, permissionMode = 'bypassPermissions', args },
}: PresetCall): string[] => [
  '-p',
  '--output-format',
  'json',
  '--permission-mode',
  permissionMode,
  ...(model === undefined ? [] : ['--model', model]),
  ...(maxBudget === undefined ? [] : ['--max-budget-usd', String(maxBudget)]),
  ...args,
];

async function read(paths: RunPaths, ended: EndedRun): Promise<Reading> {
  const text = await readStdout(paths);
  const result = text === undefined ? undefined : parse(text);
  if (!result) return { end: await withoutResult(paths, ended) };
  const use = Object.entries(result.modelUsage ?? {}).map(([model, of]) => ({
    model,
    tokens: {
      input: of.inputTokens + of.cacheCreationInputTokens,
      output: of.outputTokens,
      cached: of.cacheReadInputTokens,
    },
  }));
  const { total_cost_usd: usd } = result;
  return { end: endOf(result, ended), use, ...(usd !== undefined && { usd }) };
}

async function withoutResult(paths: RunPaths, ended: EndedRun): Promise<PresetEnd> {
  const words = await readTail(paths.stderr, 4096);
  if (/Session ID \S+ is already in use/.test(words)) {
    return {
      kind: 'lost',
      message: 'Claude Code has this session from an earlier start, whose result is not here',
    };
  }
  if (/No conversation found with session ID/.test(words)) {
    return { kind: 'lost', message: 'Claude Code does not have the session that was to be continued' };
  }
  if (/cannot be used with root/.test(words)) {
    return {
      kind: 'failed',
      errorClass: 'config',
      message: 'Claude Code refuses bypassPermissions for root',
    };
  }
  // SIGINT ends it so.
  return plainEnd(PROGRAM, paths, ended, {
    errorClass: 'transient',
    why: 'printed no result, as it does when it is interrupted',
  });
}

/** A refused key comes as `subtype: "success"`: `is_error` and the exit code have the last word. */
function endOf(result: Result, ended: EndedRun): PresetEnd {
  const {
    subtype,
    is_error: isError,
    api_error_status: status,
    stop_reason: stop,
    result: text = '',
  } = result;
  if (subtype === 'error_max_budget_usd') {
    return { kind: 'failed', errorClass: 'budget', message: `${PROGRAM}: stopped at its maxBudget` };
  }
  if (subtype === 'error_max_turns') {
    return { kind: 'failed', errorClass: 'budget', message: `${PROGRAM}: stopped at its number of turns` };
  }
  if (stop === 'refusal')
    return { kind: 'failed', errorClass: 'rejected', message: `${PROGRAM}: refused: ${text}` };
  if (isError || subtype !== 'success' || ended.rc !== 0) {
    return failure(PROGRAM, text === '' ? subtype : text, ended, { status: status ?? undefined });
  }
  if (stop === 'max_tokens') {
    return { kind: 'failed', errorClass: 'rejected', message: `${PROGRAM}: its answer was cut short` };
  }
  if (text.trim() === '') {
    return {
      kind: 'failed',
      errorClass: 'rejected',
      message: `${PROGRAM}: ended well and gave an empty text`,
    };
  }
  return { kind: 'ok', text };
}

function parse(text: string): Result | undefined {
  try {
    return resultSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // cut short, or a notice in front of it
  }
}
