import { InvalidArgumentError, type Command } from 'commander';

export type Example = readonly [command: string, comment?: string];

/** The examples below the help of a verb. */
export function examples(...shown: readonly Example[]): string {
  const width = Math.max(...shown.map(([command]) => command.length));
  const lines = shown.map(([command, comment]) =>
    comment === undefined ? `  ${command}` : `  ${command.padEnd(width)}  # ${comment}`,
  );
  return `\n${shown.length === 1 ? 'Example' : 'Examples'}:\n${lines.join('\n')}\n`;
}

/** Adds verbs below a command, or the program: the words, what it does, and examples. */
export const verbsBelow =
  (parent: Command) =>
  (words: string, description: string, ...shown: readonly Example[]): Command =>
    parent
      .command(words)
      .description(description)
      .addHelpText('after', examples(...shown));

/**
 * Prints the help of the verb that the words lead to, such as `ledger verify`.
 * @throws CommanderError in any case, as commander's own help does
 */
export function showHelp(program: Command, words: readonly string[]): never {
  let at = program;
  for (const word of words) {
    const below = at.commands.find((verb) => verb.name() === word);
    if (!below) return at.error(`error: unknown command '${word}'`, { code: 'commander.unknownCommand' });
    at = below;
  }
  return at.help();
}

/** For values that must not be empty. @throws InvalidArgumentError */
export function nonEmpty(value: string): string {
  if (value === '') throw new InvalidArgumentError('It is empty.');
  return value;
}

/** For options that count something. @throws InvalidArgumentError */
export function positiveCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidArgumentError('It must be a whole number from 1.');
  return count;
}
