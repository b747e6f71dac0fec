import type { Nightshift, Started } from '../client/nightshift.js';
import type { Snapshot, WatchOptions } from '../client/watch.js';
import { WatchStopped } from '../client/watch-stopped.js';
import { plural } from '../report/format.js';
import { runSummary } from '../report/run-summary.js';
import { ExitCode, exitCodeOf } from './exit-codes.js';
import { progressView } from './progress-view.js';
import type { Shell } from './shell.js';

export interface FollowOptions {
  /** The batch file, where this call was given it. */
  readonly file?: string;
  /** False: only look. */
  readonly host?: boolean;
  readonly noWait?: boolean;
  readonly awaitApprovals?: boolean;
  /** What the JSON document has besides the report. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Watches a started batch to its end, or until it is interrupted, and prints what came of it. */
export async function follow(
  started: Started,
  nightshift: Nightshift,
  shell: Shell,
  { file, host = true, noWait = false, awaitApprovals = false, more = {} }: FollowOptions = {},
): Promise<ExitCode> {
  const { out, flags } = shell;
  const { name, workflowId } = started;
  const named = await nightshift.wordsFor(workflowId);
  const beganMs = Date.now();
  const words: ShownCommands = {
    name,
    resume: (hold) => shell.commandsFor(named, { hold }).resume,
    again: file === undefined ? shell.command('up') : shell.commandsFor(named, { file }).run,
    watch: shell.command('watch', ...named),
  };
  const report = await shown(
    words,
    shell,
    (watching) => nightshift.watch(started, { ...watching, host, noWait, awaitApprovals }),
    { outlivesTerminal: host },
  );
  if (report === undefined) return ExitCode.interrupted;
  if (flags.json) out.json({ ...report, ...more });
  else {
    const commands = shell.commandsFor(await nightshift.wordsFor(workflowId), {
      ...(file === undefined ? started : { file }),
      hold: report.hold,
    });
    out.results(runSummary(report, commands, Date.now() - beganMs));
  }
  return exitCodeOf(report);
}

/** Commands that whoever watches is told of. */
export interface ShownCommands {
  readonly name: string;
  /** Lifts the pause that it stands before. */
  readonly resume: (hold: Snapshot['hold']) => string;
  /** Goes on with what this process carries. */
  readonly again: string;
  readonly watch: string;
}

/**
 * Shows how a batch goes while it is watched; undefined when the watcher was interrupted.
 * @param options as of `Interrupts.during`
 */
export async function shown<T>(
  { name, resume, again, watch }: ShownCommands,
  { out, interrupts }: Pick<Shell, 'out' | 'interrupts'>,
  watching: (options: Required<Pick<WatchOptions, 'onSnapshot' | 'signal'>>) => Promise<T>,
  options: Parameters<Shell['interrupts']['during']>[1] = {},
): Promise<T | undefined> {
  const show = progressView(out, { name, resume });
  let seen: Snapshot | undefined;
  try {
    return await interrupts.during((signal) => {
      signal.addEventListener('abort', () => {
        out.endLive();
        for (const line of farewell(seen, { again, watch })) out.note(line);
        if (signal.reason === 'SIGINT') out.note('Ctrl-C again stops at once');
      });
      const onSnapshot = (snapshot: Snapshot) => {
        seen = snapshot;
        if (!signal.aborted) show(snapshot);
      };
      return watching({ onSnapshot, signal });
    }, options);
  } catch (error) {
    if (error instanceof WatchStopped) return undefined;
    throw error;
  } finally {
    out.endLive();
  }
}

/** What becomes of sessions when their worker stops. A program is stopped by whatever stops all that this process has started. */
export const SESSIONS_GO_ON =
  'sessions at a service go on by themselves, programs unless they are stopped with this process';

/** What goes on without us, and how to come back to it. */
function farewell(
  snapshot: Snapshot | undefined,
  { again, watch }: { readonly again: string; readonly watch: string },
): string[] {
  if (!snapshot?.hosting)
    return [
      `stopped watching; where a worker runs the batch goes on: ${watch}`,
      `go on with it here: ${again}`,
    ];
  const { running } = snapshot.counts;
  const jobs =
    running === 0
      ? 'no job is under way'
      : `${plural(running, 'job is', 'jobs are')} under way: ${SESSIONS_GO_ON}; the next start picks them up`;
  return [`stopping: nothing new starts; ${jobs}`, `go on with: ${again}`];
}
