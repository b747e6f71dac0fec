import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { durationMs } from '../../../contract/batch-file.js';
import { awakeMs, thereSinceMs } from '../../../host-sleep.js';
import { longerThanTimeout } from '../longer-than-timeout.js';
import type { SessionProgress } from '../provider.js';
import type { CommandOptions } from './options.js';
import { OUTPUT_BYTES_MAX } from './result-document.js';
import { readPresetSpec } from './run-call.js';
import { readTail, statIfThere, writeExclusive, type RunPaths } from './run-directory.js';
import { abandonRun, lookAtRun } from './run-state.js';
import { sleptAsNoted, sleptDuring } from './slept.js';
import { askToStop, killLeftovers, readStop, runsElsewhere, signalGroup, type Stop } from './stop-run.js';
import { presetOf } from './presets/index.js';
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
  /** File of this host that says since when the other was asked for in vain. */
  readonly away: string;
  readonly now: Date;
  readonly redact: (text: string) => string;
}

/**
 * One look at a run. Stops it where its time is up; never waits for anything. While its host slept the program did too: that
 * is not its time, and silence counts anew from then on.
 */
export async function pollRun(paths: RunPaths, watch: Watch): Promise<SessionProgress> {
  const state = await lookAtRun(paths);
  switch (state.kind) {
    case 'missing':
      if (watch.host !== watch.thisHost) return elsewhere(paths, watch.host, watch);
      return { kind: 'lost', message: `its run directory ${paths.dir} is gone` };
    case 'elsewhere':
      return elsewhere(paths, state.machine.host, watch);
    case 'unclaimed':
    case 'claiming':
      return unclaimed(paths, state.kind, watch);
    case 'gone': {
      await killLeftovers(paths, state.process);
      const stop = await readStop(paths);
      return stop ? verdictOfStopped(stop, paths) : { kind: 'lost', message: state.why };
    }
    case 'ended': {
      // What moved to a group of its own could still change the output.
      await killLeftovers(paths);
      const stop = await readStop(paths);
      if (stop) return verdictOfStopped(stop, paths);
      return verdictOf(paths, state.exit, watch.options, watch.now, watch.redact);
    }
    case 'alive': {
      const stop = await readStop(paths);
      const sleptMs = await sleptDuring(paths);
      if (!stop) {
        const due = await reasonToStop(paths, watch, sleptMs);
        if (!due) return running(paths, watch, sleptMs);
        await askToStop(paths, state.process, due.reason, due.message);
      } else if (awakeMs(stop.atMs, watch.now.getTime()) > durationMs(watch.options.killGrace)) {
        signalGroup(state.process, 'SIGKILL');
      }
      return { kind: 'running', nextPollMs: STOPPING_POLL_MS, note: 'stopping', ...standstill(sleptMs) };
    }
  }
}

async function running(paths: RunPaths, { now, redact }: Watch, sleptMs: number): Promise<SessionProgress> {
  const [claim, tail] = await Promise.all([
    statIfThere(paths.claim),
    readTail(paths.stderr, NOTE_TAIL_BYTES),
  ]);
  const ageMs = now.getTime() - (claim?.mtimeMs ?? now.getTime());
  const nextPollMs = Math.round(Math.min(POLL_MS.most, Math.max(POLL_MS.least, ageMs / 10)));
  const note = lastLine(redact(tail));
  return { kind: 'running', nextPollMs, ...standstill(sleptMs), ...(note !== undefined && { note }) };
}

const standstill = (sleptMs: number) => sleptMs > 0 && { sleptMs };

/** The claim is taken before the run is given up, so that a late wrapper can't begin it after all. */
async function unclaimed(
  paths: RunPaths,
  kind: 'unclaimed' | 'claiming',
  { now }: Watch,
): Promise<SessionProgress> {
  const since = await statIfThere(kind === 'claiming' ? paths.claim : paths.stdin);
  const made = since ?? (await statIfThere(paths.dir));
  if (made && awakeMs(made.mtimeMs, now.getTime()) < SPAWN_SETTLE_MS) {
    return { kind: 'running', nextPollMs: POLL_MS.least, note: 'starting' };
  }
  const why = 'the program was never started';
  if (kind === 'unclaimed' && !(await abandonRun(paths, why)))
    return { kind: 'running', nextPollMs: POLL_MS.least };
  // A wrapper that was killed between its claim and its name may have been about to run the program.
  await killLeftovers(paths);
  const stop = await readStop(paths);
  return stop ? verdictOfStopped(stop, paths) : { kind: 'lost', message: why };
}

/** Its host may come back: until then, or until it was away for too long or is past its deadline, nobody starts anew. */
async function elsewhere(
  paths: RunPaths,
  host: string,
  { deadlineAt, now, away, options }: Watch,
): Promise<SessionProgress> {
  if (isPast(deadlineAt, now, await sleptAsNoted(paths))) {
    return {
      kind: 'lost',
      message: `it was started on host ${host}, which nobody heard of until its deadline`,
    };
  }
  await mkdir(dirname(away), { recursive: true, mode: 0o700 });
  await writeExclusive(away, `${host}\n`);
  // Where hosts share the folder, the files of a session that works still grow.
  const seen = Math.max((await statIfThere(away))?.mtimeMs ?? 0, await lastGrowthMs(paths, []));
  const silentMs = awakeMs(seen, now.getTime());
  if (silentMs <= durationMs(options.hostLost)) throw runsElsewhere(host);
  return {
    kind: 'lost',
    message: `it was started on host ${host}, of which nothing was seen for ${Math.round(silentMs / 1000)} s`,
  };
}

const isPast = (deadlineAt: Date, now: Date, sleptMs: number): boolean =>
  now.getTime() - sleptMs >= deadlineAt.getTime();

async function reasonToStop(
  paths: RunPaths,
  watch: Watch,
  sleptMs: number,
): Promise<Omit<Stop, 'atMs'> | undefined> {
  const { deadlineAt, now, options } = watch;
  if (isPast(deadlineAt, now, sleptMs)) {
    return { reason: 'deadline', message: `the session ran ${longerThanTimeout(sleptMs)} and was stopped` };
  }
  const stdout = await statIfThere(paths.stdout);
  if (stdout && stdout.size > OUTPUT_BYTES_MAX) {
    return {
      reason: 'output',
      message: `the program printed more than ${OUTPUT_BYTES_MAX} bytes and was stopped`,
    };
  }
  const quiet = options.quiet ?? presetOf(options)?.quiet;
  if (quiet === undefined) return undefined;
  const quietMs = durationMs(quiet);
  // A silence that nobody was there to hear tells nothing: the host may have slept.
  const silentSince = Math.max(await lastGrowthMs(paths, await signsOf(paths, watch)), thereSinceMs());
  if (now.getTime() - silentSince <= quietMs) return undefined;
  return { reason: 'quiet', message: `the program wrote nothing for ${quietMs / 1000} s and was stopped` };
}

async function signsOf(paths: RunPaths, { options }: Watch): Promise<string[]> {
  const preset = presetOf(options);
  const home = options.env?.['HOME'] ?? process.env['HOME'];
  if (!preset?.signs || home === undefined) return [];
  const spec = await readPresetSpec(paths);
  return spec ? preset.signs(home, spec.cwd, spec.session) : [];
}

/**
 * When the program last wrote to stdout, stderr, a file of out/, its working directory, or what its preset keeps
 * of a session; its start when it wrote nothing yet.
 */
async function lastGrowthMs(
  { claim, stdout, stderr, out, work }: RunPaths,
  signs: readonly string[],
): Promise<number> {
  const names = await readdir(out, { recursive: true }).catch(() => []); // the program may remove it
  const files = names.slice(0, WATCHED_FILES_MAX).map((name) => join(out, name));
  const stats = await Promise.all([claim, stdout, stderr, out, work, ...signs, ...files].map(statIfThere));
  return Math.max(...stats.map((found) => found?.mtimeMs ?? 0));
}
