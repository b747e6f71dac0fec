import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import type { Contender } from './night.js';

/** Seconds that the demo's agent takes over an article: long enough to be killed in, short enough to watch. */
const WRITER_SECONDS = '0.5';

const EXAMPLE = fileURLToPath(new URL('../../../examples/articles/', import.meta.url));
const CLI = fileURLToPath(new URL('../main.js', import.meta.url));

/** Two copies of the example under one folder, one for each contender, on the same jobs, agent and pace. */
export function setStage(dir: string): {
  readonly naive: Contender;
  readonly nightshift: Contender;
  readonly state: string;
} {
  const copy = (name: string) => {
    const to = join(dir, name);
    mkdirSync(to, { recursive: true });
    cpSync(EXAMPLE, to, {
      recursive: true,
      filter: (from) => !/[\\/](public|naive-public|sessions\.jsonl)$/.test(from),
    });
    return to;
  };
  const naiveDir = copy('naive');
  const ownDir = copy('nightshift');
  const state = join(ownDir, '.nightshift');
  // The story is played beside the operator's real nights, never in their ledger.
  const { NIGHTSHIFT_LEDGER: _, ...env } = process.env;
  setPace(join(ownDir, 'batch.yaml'));
  return {
    state,
    naive: {
      name: 'the naive script',
      command: ['naive.mjs', '--out', 'public'],
      cwd: naiveDir,
      env: { ...env, WRITER_SECONDS, WRITER_LOG: 'sessions.jsonl' },
      sessionLog: join(naiveDir, 'sessions.jsonl'),
      posts: join(naiveDir, 'public'),
    },
    nightshift: {
      name: 'nightshift',
      command: [CLI, 'run', 'batch.yaml', '--state', state],
      cwd: ownDir,
      env,
      sessionLog: join(ownDir, 'sessions.jsonl'),
      posts: join(ownDir, 'public'),
    },
  };
}

function setPace(file: string): void {
  const document = parseDocument(readFileSync(file, 'utf8'));
  document.setIn(['agent', 'env', 'WRITER_SECONDS'], WRITER_SECONDS);
  writeFileSync(file, document.toString());
}
