import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { AdapterError } from '../../../contract/errors.js';
import { systemCode } from '../../../contract/thrown.js';
import { fateOf, isHere, thisMachine, type ProcessIdentity } from './machine.js';
import { readIfThere, statIfThere, writeExclusive, type RunPaths } from './run-directory.js';
import { abandonRun, lookAtRun, parsed } from './run-state.js';

/** Why a run was stopped. Whatever it did then, it did not end by itself. */
export const STOP_REASONS = ['cancelled', 'deadline', 'quiet', 'output'] as const;
export type StopReason = (typeof STOP_REASONS)[number];

export interface Stop {
  readonly reason: StopReason;
  readonly message: string;
  readonly atMs: number;
}

const stopSchema = z.object({ v: z.literal(1), reason: z.enum(STOP_REASONS), message: z.string() });

/** SIGKILL works at once but for a process that waits for a device. */
const KILL_WAIT_MS = 5000;
const LOOK_AGAIN_MS = 20;
/** A process may be forking while leftovers are looked for; after so many rounds it is doing so for ever. */
const SWEEPS_MAX = 20;

/** The stop that was asked for, if one was; the first reason stands. */
export async function readStop(paths: RunPaths): Promise<Stop | undefined> {
  const found = await statIfThere(paths.stop);
  if (!found) return undefined;
  const atMs = found.mtimeMs;
  const said = parsed(stopSchema, (await readIfThere(paths.stop)) ?? '');
  // Where its writer was killed the file itself says enough.
  return said ? { ...said, atMs } : { reason: 'cancelled', message: 'the session was cancelled', atMs };
}

/** Notes the reason, then asks the processes to end. Does not wait for them. */
export async function askToStop(
  paths: RunPaths,
  process: ProcessIdentity | undefined,
  reason: StopReason,
  message: string,
): Promise<void> {
  await writeExclusive(paths.stop, JSON.stringify({ v: 1, reason, message }));
  if (process) signalGroup(process, 'SIGTERM');
}

/**
 * Stops a run and waits until nothing of it is left. A run that has ended keeps its result.
 * @throws AdapterError `transient` when it runs on another machine, or outlives SIGKILL
 */
export async function cancelRun(paths: RunPaths, killGraceMs: number): Promise<void> {
  let state = await lookAtRun(paths);
  if (state.kind === 'missing') return;
  if (state.kind !== 'ended') {
    const message = 'the session was cancelled';
    await askToStop(paths, state.kind === 'alive' ? state.process : undefined, 'cancelled', message);
    if (state.kind === 'unclaimed') await abandonRun(paths, message);
  }

  const askedAt = Date.now();
  for (let asked = state.kind === 'alive'; ; await sleep(LOOK_AGAIN_MS)) {
    state = await lookAtRun(paths);
    if (state.kind === 'elsewhere') throw notStopped(paths, `it runs on host ${state.machine.host}`);
    const passedMs = Date.now() - askedAt;
    if (state.kind === 'alive') {
      if (!asked) signalGroup(state.process, 'SIGTERM');
      asked = true;
      if (passedMs > killGraceMs + KILL_WAIT_MS) {
        throw notStopped(paths, `process ${state.process.pid} outlived SIGKILL for ${KILL_WAIT_MS} ms`);
      }
      if (passedMs > killGraceMs) signalGroup(state.process, 'SIGKILL');
    } else if (state.kind !== 'claiming' || passedMs > killGraceMs) break;
  }
  await killLeftovers(paths, state.kind === 'gone' ? state.process : undefined);
}

/** Nothing lists the runs of a host: whoever has to stop one by hand is told where it is. */
const notStopped = ({ dir }: RunPaths, why: string): AdapterError =>
  new AdapterError('transient', `${why}, and its run directory is ${dir}`);

export const runsElsewhere = (host: string): AdapterError =>
  new AdapterError(
    'transient',
    `the session was started on host ${host} and can only be followed there; start a worker on ${host}`,
  );

/** Signals the group that the wrapper leads; only right after a look that found the wrapper alive. */
export function signalGroup({ pid }: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH' && systemCode(error) !== 'EPERM') throw error; // gone, or left to nobody of ours
  }
}

/**
 * Kills what a run left behind: the group of a wrapper that was killed, and on Linux every process that carries
 * the run directory in its environment, whatever group it moved to.
 * @param wrapper absent where it ended by itself: then it has killed its group (W4), and the id may be another's
 */
export async function killLeftovers(paths: RunPaths, wrapper?: ProcessIdentity): Promise<void> {
  // While a group has members its id is given to no new process, so an id in use again means another group.
  if (wrapper && isHere(wrapper, await thisMachine()) && (await fateOf(wrapper)) === 'dead') {
    signalGroup(wrapper, 'SIGKILL');
  }
  if (process.platform !== 'linux') return;
  for (let sweep = 0; sweep < SWEEPS_MAX; sweep++) {
    const left = processesOf(paths);
    if (left.length === 0) return;
    for (const pid of left) killProcess(pid);
    await sleep(LOOK_AGAIN_MS);
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}

/** Read without a pause, a few microseconds for each process: the kernel answers, not a disk. */
function processesOf({ dir }: RunPaths): number[] {
  const mark = `\0NIGHTSHIFT_RUN_DIR=${dir}\0`;
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => pid !== process.pid && `\0${environmentOf(pid)}`.includes(mark));
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8'); // a zombie's is empty
  } catch {
    return ''; // gone, or another user's, and then none of ours
  }
}
