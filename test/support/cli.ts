import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { RunReport } from '../../src/contract/result.js';

export const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A killed worker is missed after half the usual time: for tests that wait for it again and again. */
export const MISSED_SOON = { NIGHTSHIFT_HEARTBEAT_SECONDS: '5' };

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface RunningCli {
  readonly process: ChildProcess;
  readonly exit: Promise<Exit>;
}

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the built command line; engines of tests go away a few seconds after their last user. */
export function startCli(args: readonly string[], { cwd, env }: CliOptions): RunningCli {
  return startNode([CLI, ...args], { cwd, ...(env && { env }) });
}

export function startNode(args: readonly string[], { cwd, env }: CliOptions): RunningCli {
  const begun = Date.now();
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1', NIGHTSHIFT_ENGINE_IDLE_SECONDS: '5', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exit = new Promise<Exit>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr, ms: Date.now() - begun }));
  });
  return { process: child, exit };
}

export const cli = (args: readonly string[], options: CliOptions): Promise<Exit> =>
  startCli(args, options).exit;

/** Runs a batch to its end and gives its report. Fails when the output is no JSON, showing what was said. */
export async function runJson(
  file: string,
  options: CliOptions & { readonly state: string },
): Promise<{ exit: Exit; report: RunReport }> {
  const exit = await cli(['run', file, '--state', options.state, '--json'], options);
  try {
    return { exit, report: JSON.parse(exit.stdout) as RunReport };
  } catch (cause) {
    throw new Error(`no report [exit=${exit.code}]:\n${exit.stdout}\n${exit.stderr}`, { cause });
  }
}

/** Waits for a condition, with a bound. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  boundMs = 120_000,
): Promise<void> {
  const end = Date.now() + boundMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${boundMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until nothing has been counted for a while: longer than the pause between two requests. */
export async function standsStill(what: string, count: () => number, quietMs = 1500): Promise<void> {
  let seen = -1;
  await until(what, async () => {
    const before = seen;
    seen = count();
    await new Promise((resolve) => setTimeout(resolve, quietMs));
    return before === seen;
  });
}
