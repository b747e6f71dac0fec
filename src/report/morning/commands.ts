import { shellWord } from '../../policy/shell-word.js';

/** What is known of how this place is spoken to. */
export interface Place {
  /** Folder in which the default state directory is the one that the report is of. */
  readonly directory: string | undefined;
  /** Given to each command where there is no such folder. */
  readonly stateDir: string | undefined;
  readonly taskQueue?: string | undefined;
}

/** Writes commands as they can be typed. */
export const commandsAt =
  ({ directory, stateDir, taskQueue }: Place) =>
  (...words: readonly string[]): string => {
    const global = [
      ...(directory === undefined && stateDir !== undefined ? ['--state', stateDir] : []),
      ...(taskQueue === undefined ? [] : ['--task-queue', taskQueue]),
    ];
    return ['nightshift', ...words, ...global].map(shellWord).join(' ');
  };
