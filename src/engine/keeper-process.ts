import { spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TemporalBinary } from './binary.js';
import { type EngineFiles, readTextIfPresent } from './engine-files.js';
import { idleMs, keeperArgument } from './keeper-order.js';

export interface KeeperProcess {
  /** Undefined while it runs; then why it ended. Empty when it ended for no bad reason: another keeper was there. */
  failure(): string | undefined;
}

/** Run from source, under a test, the keeper is the compiled one: Node runs no TypeScript. */
const KEEPER = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/engine/keeper.js' : './keeper.js',
  import.meta.url,
);

/** The keeper needs little memory and must leave the rest to others. */
const NODE_OPTIONS = ['--max-semi-space-size=1', '--v8-pool-size=1'];

/** What Node may need to run at all. No secrets, no settings: the keeper outlives the process it got them from. */
const INHERITED = ['PATH', 'TMPDIR', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'TZ'];

const LOG_TAIL_CHARS = 600;

/** Starts a keeper that outlives this process. */
export function startKeeper(
  files: EngineFiles,
  order: { readonly stateDir: string; readonly binary: TemporalBinary; readonly env: NodeJS.ProcessEnv },
): KeeperProcess {
  rmSync(files.keeperError, { force: true });
  const log = openSync(files.keeperLog, 'w', 0o600);
  const argument = keeperArgument({
    stateDir: order.stateDir,
    binary: order.binary.path,
    version: order.binary.version,
    idleMs: idleMs(order.env),
  });
  const keeper = spawn(process.execPath, [...NODE_OPTIONS, fileURLToPath(KEEPER), argument], {
    detached: true, // a session of its own: Ctrl-C in our terminal is not for it
    stdio: ['ignore', log, log],
    cwd: files.dir,
    env: Object.fromEntries(
      INHERITED.flatMap((name) => (order.env[name] === undefined ? [] : [[name, order.env[name]]])),
    ),
  });
  keeper.unref();
  closeSync(log);
  let ended: string | undefined;
  keeper.once('error', (error) => (ended = error.message));
  keeper.once(
    'exit',
    (code, signal) => (ended = code === 0 ? '' : `it ended with ${signal ?? `code ${code}`}`),
  );
  return { failure: () => ended && reason(files, ended) };
}

function reason(files: EngineFiles, ended: string): string {
  const words =
    readTextIfPresent(files.keeperError) ?? readTextIfPresent(files.keeperLog)?.trim().slice(-LOG_TAIL_CHARS);
  return words ? words : ended;
}
