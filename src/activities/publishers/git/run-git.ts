import { spawn } from 'node:child_process';

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const ERROR_TEXT_MAX = 16_384;

export interface GitCall {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Folder of the repository; left out for calls that need none. */
  readonly gitDir?: string;
  readonly input?: string | Uint8Array;
  readonly timeoutMs: number;
  /** Ends the program early; not given for a push, whose outcome would then be unclear for nothing. */
  readonly signal?: AbortSignal;
}

export interface GitEnd {
  /** Null where it was ended by a signal or by the time limit. */
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/**
 * Runs git once and waits for its end, whatever its exit code is. No shell; the helpers that it starts (ssh, https)
 * end with it.
 * @throws the system's error where git can't be started
 */
export function runGit({ args, env, gitDir, input, timeoutMs, signal }: GitCall): Promise<GitEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', [...(gitDir === undefined ? [] : [`--git-dir=${gitDir}`]), ...args], {
      // A folder that surely is in no repository whose settings git would read.
      cwd: gitDir ?? '/',
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true, // a process group of its own
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let stderr = '';
    let timedOut = false;

    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      end();
    }, timeoutMs);
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted) end();
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
    };

    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes > OUTPUT_BYTES_MAX) end();
      else chunks.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(-ERROR_TEXT_MAX);
    });
    child.stdin.on('error', () => undefined); // it ended without reading; its exit code says why
    child.on('error', (error) => {
      finish();
      reject(error);
    });
    child.on('close', (code) => {
      finish();
      resolve({
        code: bytes > OUTPUT_BYTES_MAX ? null : code,
        stdout: Buffer.concat(chunks),
        stderr,
        timedOut,
      });
    });
    child.stdin.end(input ?? '');
  });
}
