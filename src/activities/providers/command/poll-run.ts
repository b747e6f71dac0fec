import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { durationMs } from '../../../contract/batch-file.js';
import type { SessionProgress } from '../provider.js';
import type { CommandOptions } from './options.js';
import { OUTPUT_BYTES_MAX } from './result-document.js';
import { readTail, statIfThere, type RunPaths } from './run-directory.js';
import { abandonRun, lookAtRun } from './run-state.js';
import { askToStop, killLeftovers, readStop, runsElsewhere, signalGroup, type Stop } from './stop-run.js';
import { lastLine } from './terminal-text.js';
import { verdictOf, verdictOfStopped } from './verdict.js';

/** A wrapper takes its claim within milliseconds; a host that swaps may need longer. */
export const SPAWN_SETTLE_MS = 10_000;

/** Looks come at a tenth of a session's age: a short one is not kept waiting, a long one costs nothing. */
const POLL_MS = { least: 25, most: 1000 };
const STOPPING_POLL_MS = 100;
const NOTE_TAIL_BYTES = 2048;
/** Files of out/ that the watchdog looks at. */
const WATCHED_FILES_MAX = 1000;

export interface Watch {
  readonly options: CommandOptions;
  readonly deadlineAt: Date;
  /** Host on which the session was started. */
  readonly host: string;
  readonly thisHost: string;
  readonly now: Date;
  readonly redact: (text: string) => string;
}

/** One look at a run. Stops it where its time is up; never waits for anything. */
export async function pollRun(paths: RunPaths, watch: Watch): Promise<SessionProgress> {
  const state = await lookAtRun(paths);
  switch (state.kind) {
    case 'missing':
      if (watch.host !== watch.thisHost) return elsewhere(watch.host, watch);
      return { kind: 'lost', message: `its run directory ${paths.dir} is gone` };
    case 'elsewhere':
      return elsewhere(state.machine.host, watch);
    case 'unclaimed':
    case 'claiming':
      return unclaimed(paths, state.kind, watch);
    case 'gone': {
      await killLeftovers(paths, state.process);
      const stop = await readStop(paths);
      return stop ? verdictOfStopped(stop) : { kind: 'lost', message: state.why };
    }
    case 'ended': {
      const stop = await readStop(paths);
      if (stop) return verdictOfStopped(stop);
      return verdictOf(paths, state.exit, watch.options.command[0] ?? '', watch.redact);
    }
    case 'alive': {
      const stop = await readStop(paths);
      if (!stop) {
        const due = await reasonToStop(paths, watch);
        if (!due) return running(paths, watch);
        await askToStop(paths, state.process, due.reason, due.message);
      } else if (watch.now.getTime() - stop.atMs > durationMs(watch.options.killGrace)) {
        signalGroup(state.process, 'SIGKILL');
      }
      return { kind: 'running', nextPollMs: STOPPING_POLL_MS, note: 'stopping' };
    }
  }
}

async function running(paths: RunPaths, { now, redact }: Watch): Promise<SessionProgress> {
  const [claim, tail] = await Promise.all([
    statIfThere(paths.claim),
    readTail(paths.stderr, NOTE_TAIL_BYTES),
  ]);
  const ageMs = now.getTime() - (claim?.mtimeMs ?? now.getTime());
  const nextPollMs = Math.round(Math.min(POLL_MS.most, Math.max(POLL_MS.least, ageMs / 10)));
  const note = lastLine(redact(tail));
  return { kind: 'running', nextPollMs, ...(note !== undefined && { note }) };
}

/** The claim is taken before the run is given up, so that a late wrapper can't begin it after all. */
async function unclaimed(
  paths: RunPaths,
  kind: 'unclaimed' | 'claiming',
  { now }: Watch,
): Promise<SessionProgress> {
  const since = await statIfThere(kind === 'claiming' ? paths.claim : paths.stdin);
  const made = since ?? (await statIfThere(paths.dir));
  if (made && now.getTime() - made.mtimeMs < SPAWN_SETTLE_MS) {
    return { kind: 'running', nextPollMs: POLL_MS.least, note: 'starting' };
  }
  const why = 'the program was never started';
  if (kind === 'unclaimed' && !(await abandonRun(paths, why)))
    return { kind: 'running', nextPollMs: POLL_MS.least };
  const stop = await readStop(paths);
  return stop ? verdictOfStopped(stop) : { kind: 'lost', message: why };
}

/** Until the deadline its host may come back. */
function elsewhere(host: string, { deadlineAt, now }: Watch): SessionProgress {
  if (now < deadlineAt) throw runsElsewhere(host);
  return {
    kind: 'lost',
    message: `it was started on host ${host}, which nobody heard of until its deadline`,
  };
}

async function reasonToStop(paths: RunPaths, watch: Watch): Promise<Omit<Stop, 'atMs'> | undefined> {
  const { deadlineAt, now, options } = watch;
  if (now >= deadlineAt) {
    return { reason: 'deadline', message: 'the session ran longer than its timeout and was stopped' };
  }
  const stdout = await statIfThere(paths.stdout);
  if (stdout && stdout.size > OUTPUT_BYTES_MAX) {
    return {
      reason: 'output',
      message: `the program printed more than ${OUTPUT_BYTES_MAX} bytes and was stopped`,
    };
  }
  if (options.quiet === undefined) return undefined;
  const quietMs = durationMs(options.quiet);
  if (now.getTime() - (await lastGrowthMs(paths)) <= quietMs) return undefined;
  return { reason: 'quiet', message: `the program wrote nothing for ${quietMs / 1000} s and was stopped` };
}

/** When the program last wrote to stdout, stderr or a file of out/; its start when it wrote nothing yet. */
async function lastGrowthMs({ claim, stdout, stderr, out }: RunPaths): Promise<number> {
  const names = await readdir(out, { recursive: true }).catch(() => []); // the program may remove it
  const files = names.slice(0, WATCHED_FILES_MAX).map((name) => join(out, name));
  const stats = await Promise.all([claim, stdout, stderr, out, ...files].map(statIfThere));
  return Math.max(...stats.map((found) => found?.mtimeMs ?? 0));
}
