/** What a batch is started again from, as far as it is known. */
export interface StartedFrom {
  /** Absolute path of its batch file. */
  readonly file?: string | undefined;
  /** That of its jobs: without it, a start at another day could mean another night. */
  readonly edition?: string | undefined;
}

type Command = (...words: readonly string[]) => string;

/** A command about a batch file; with a place for it where nobody knows which one. */
export const fileCommand = (command: Command, words: readonly string[], { file }: StartedFrom): string =>
  file === undefined ? `${command(...words)} <its batch file>` : command(...words, file);

/** Starts a batch again. */
export const runCommand = (command: Command, { file, edition }: StartedFrom): string =>
  file === undefined || edition === undefined
    ? fileCommand(command, ['run'], { file })
    : command('run', file, '--edition', edition);
