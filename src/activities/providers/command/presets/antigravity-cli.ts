import { MINUTE_MS } from '../../../../contract/units.js';
import { readTail, type RunPaths } from '../run-directory.js';
import { lastWords } from '../terminal-text.js';
import { plainEnd } from './plain-end.js';
import type { EndedRun, Preset, PresetCall, Reading } from './preset.js';
import { readStdout } from './read-stdout.js';
import { asksForLogin, failure } from './said-class.js';

const PROGRAM = 'agy';

/**
 * Antigravity CLI in print mode, by reports of its users: it takes no id and reports no cost. It ends with exit
 * code 0 and nothing on stdout when its time, quota or login runs out (antigravity-cli issue 76).
 */
export const antigravityCli: Preset = {
  name: 'antigravity-cli',
  title: 'Antigravity CLI',
  program: PROGRAM,
  install: 'https://antigravity.google/docs/cli/install, then run "agy" once in a terminal and sign in',
  credentials: [],
  logins: [],
  env: {},
  promptBy: 'argument',
  capsMoney: false,
  prices: [],
  argv: ({ options: { model, args }, prompt, leftMs }: PresetCall) => [
    '--dangerously-skip-permissions',
    // Its own default was five minutes; a number without a unit is refused.
    '--print-timeout',
    `${Math.max(1, Math.ceil(leftMs / MINUTE_MS))}m`,
    ...(model === undefined ? [] : ['--model', model]),
    ...args,
    '-p',
    // A prompt that begins with "-" would be taken for an option.
    prompt.startsWith('-') ? `\n${prompt}` : prompt,
  ],
  sessionOf: async () => undefined,
  read,
};

async function read(paths: RunPaths, ended: EndedRun): Promise<Reading> {
  const text = await readStdout(paths);
  if (ended.rc === 0 && text !== undefined && text.trim() !== '') return { end: { kind: 'ok', text } };
  const words = lastWords(await readTail(paths.stderr, 8192));
  if (asksForLogin(words)) return { end: failure(PROGRAM, words, ended, { status: 401 }) };
  return {
    end: await plainEnd(PROGRAM, paths, ended, {
      errorClass: 'rejected',
      why: 'printed nothing, as it does when its time, its quota or its login runs out',
    }),
  };
}
