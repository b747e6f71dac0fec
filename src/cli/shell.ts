import type { Nightshift } from '../client/nightshift.js';
import { resumeWords, type Hold } from '../contract/holds.js';
import { parseBatchWorkflowId } from '../identity/workflow-ids.js';
import { runCommand, type StartedFrom } from '../report/batch-file-command.js';
import type { Commands } from '../report/next-steps.js';
import { shellWord } from '../policy/shell-word.js';
import type { Interrupts } from './interrupts.js';
import type { Output } from './output.js';

/** Flags that every verb takes. */
export interface GlobalFlags {
  readonly state?: string;
  readonly taskQueue?: string;
  readonly edition?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color: boolean;
}

interface AboutBatch extends StartedFrom {
  readonly hold?: Pick<Hold, 'scope'> | undefined;
}

const WITHOUT_NIGHT: ReadonlySet<string | undefined> = new Set(['up', 'worker', 'lanes']);

/** Whether an edition can be meant: not with what serves all batches, nor where a pause beyond one batch is lifted. */
const namesNight = ([verb, first = '']: readonly string[]): boolean =>
  !WITHOUT_NIGHT.has(verb) && !(verb === 'resume' && first.startsWith('--'));

/** Whether words say by themselves which batch is meant. */
const saysWhich = (words: readonly string[]): boolean =>
  words.includes('--edition') || words.some((word) => parseBatchWorkflowId(word) !== undefined);

/** What a verb works with. */
export class Shell {
  private opened: Promise<Nightshift> | undefined;
  private isStopping = false;

  constructor(
    readonly flags: GlobalFlags,
    readonly out: Output,
    readonly interrupts: Interrupts,
  ) {}

  /** The library, loaded when a verb first needs it. Closed by whoever made the shell. */
  nightshift(): Promise<Nightshift> {
    return (this.opened ??= this.open());
  }

  private async open(): Promise<Nightshift> {
    const { createNightshift } = await import('../client/nightshift.js');
    const { state, taskQueue, edition } = this.flags;
    return createNightshift({
      ...(edition !== undefined && { edition }),
      ...(state !== undefined && { state }),
      ...(taskQueue !== undefined && { taskQueue }),
      onProgress: (line) => this.out.progress(line),
      whileHosting: (work) => this.interruptible(work),
    });
  }

  /** A call hosts a worker: what that has in hand ends before the process does. */
  private interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.interrupts.during(
      (signal) => {
        signal.addEventListener('abort', () => this.tellStopping(signal.reason));
        return work(signal);
      },
      { outlivesTerminal: true },
    );
  }

  /** Once: calls of many batches may wait at the same time. */
  private tellStopping(by: unknown): void {
    if (this.isStopping) return;
    this.isStopping = true;
    this.out.note('stopping: nothing new starts, what is in hand ends');
    if (by === 'SIGINT') this.out.note('Ctrl-C again stops at once');
  }

  async close(): Promise<void> {
    await (await this.opened?.catch(() => undefined))?.close();
  }

  /** A command to type next, for the state directory and queue of this call. */
  command(...words: readonly string[]): string {
    return this.commandAt(this.flags.state, ...words);
  }

  /** The same for another state directory. */
  commandAt(state: string | undefined, ...words: readonly string[]): string {
    const { taskQueue } = this.flags;
    const edition = namesNight(words) && !saysWhich(words) ? this.flags.edition : undefined;
    const global = [
      ...(state === undefined ? [] : ['--state', state]),
      ...(taskQueue === undefined ? [] : ['--task-queue', taskQueue]),
      ...(edition === undefined ? [] : ['--edition', edition]),
    ];
    return ['nightshift', ...words, ...global].map(shellWord).join(' ');
  }

  /**
   * What can be done about a batch.
   * @param named words that mean it, as `Nightshift.wordsFor` has them
   * @param about.file its batch file, where that is known
   * @param about.edition of its jobs; the one that this call was given goes before it
   * @param about.hold the pause that it stands before, which its `resume` lifts; its own unless given
   */
  commandsFor(named: readonly string[], { file, edition, hold }: AboutBatch = {}): Commands {
    const isWider = hold !== undefined && hold.scope.kind !== 'batch';
    const resumes = isWider ? resumeWords(hold.scope) : ['resume', ...named];
    return {
      run: runCommand((...words) => this.command(...words), {
        file,
        edition: this.flags.edition === undefined ? edition : undefined,
      }),
      retry: this.command('retry', ...named),
      approve: this.command('approve', ...named),
      resume: this.command(...resumes),
      cancel: this.command('cancel', ...named),
      receipts: this.command('ledger', 'show', ...named),
    };
  }
}
