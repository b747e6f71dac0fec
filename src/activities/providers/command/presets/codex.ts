import { join } from 'node:path';
import { textField, fieldsOf } from '../../managed/record.js';
import { type RunPaths } from '../run-directory.js';
import { plainEnd } from './plain-end.js';
import type { EndedRun, Preset, PresetCall, PresetEnd, Reading } from './preset.js';
import { readStdout } from './read-stdout.js';
import { failure } from './said-class.js';

const PROGRAM = 'codex';
/** Its last message; made empty at the start, and left so by a failure. Relative to the caller, so absolute. */
const lastMessage = ({ dir }: RunPaths): string => join(dir, 'last.txt');

/** Codex, not interactive. It makes its own session ids and prints one as its first line. */
export const codex: Preset = {
  name: 'codex',
  title: 'Codex CLI 0.169.0',
  program: PROGRAM,
  install: 'npm install -g @openai/codex',
  credentials: ['CODEX_API_KEY'],
  logins: ['.codex/auth.json'],
  env: {},
  promptBy: 'stdin',
  quiet: '15m',
  capsMoney: false,
  prices: [],
  argv: (call) => ['exec', ...common(call), '-C', call.cwd, '-s', 'workspace-write', '-'],
  // `resume` knows neither -C nor -s: it works where it is started, and the sandbox is a setting.
  resume: (call) => [
    'exec',
    'resume',
    ...common(call),
    '-c',
    'sandbox_mode="workspace-write"',
    call.session,
    '-',
  ],
  sessionOf: async (paths) =>
    events((await readStdout(paths)) ?? '')
      .filter(({ type }) => type === 'thread.started')
      .map((event) => textField(event, 'thread_id'))
      .at(0),
  read,
};

const common = ({ options: { model, args }, paths }: PresetCall): string[] => [
  '--json',
  '--skip-git-repo-check',
  '-o',
  lastMessage(paths),
  ...(model === undefined ? [] : ['-m', model]),
  ...args,
];

type Event = Readonly<Record<string, unknown>>;

async function read(paths: RunPaths, ended: EndedRun): Promise<Reading> {
  const all = events((await readStdout(paths)) ?? '');
  const done = all.filter(({ type }) => type === 'turn.completed');
  const counts = done.map(({ usage }) => fieldsOf(usage));
  const sum = (name: string) => counts.reduce((total, of) => total + whole(of[name]), 0);
  const cached = sum('cached_input_tokens');
  const tokens = { input: Math.max(0, sum('input_tokens') - cached), cached, output: sum('output_tokens') };
  const use = done.length === 0 ? [] : [{ model: '', tokens }];
  return { end: await endOf(all, paths, ended), use };
}

async function endOf(all: readonly Event[], paths: RunPaths, ended: EndedRun): Promise<PresetEnd> {
  const failed = all.findLast(({ type }) => type === 'turn.failed');
  // Of items only, an error may be a mere warning; `error` at the top ends the turn.
  const error = all.findLast(({ type }) => type === 'error');
  const words =
    textField(failed?.['error'], 'message') ?? (ended.rc === 0 ? undefined : textField(error, 'message'));
  if (words !== undefined) return failure(PROGRAM, innermost(words), ended);
  const silent = { errorClass: 'rejected' as const, why: 'left no last message' };
  if (ended.rc !== 0) return plainEnd(PROGRAM, paths, ended, silent);
  if (!all.some(({ type }) => type === 'turn.completed')) {
    return plainEnd(PROGRAM, paths, ended, { errorClass: 'transient', why: 'did not end its turn' });
  }
  const text = await readStdout({ stdout: lastMessage(paths) });
  if (text === undefined || text.trim() === '') return plainEnd(PROGRAM, paths, ended, silent);
  return { kind: 'ok', text };
}

/** The service's own words where the CLI passes on its whole answer. */
function innermost(words: string): string {
  try {
    return textField(fieldsOf(JSON.parse(words))['error'], 'message') ?? words;
  } catch {
    return words;
  }
}

/** One JSON object a line. A last line that was cut short is none. */
const events = (text: string): Event[] =>
  text.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    try {
      return [fieldsOf(JSON.parse(line))];
    } catch {
      return [];
    }
  });

const whole = (value: unknown): number =>
  Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : 0;
