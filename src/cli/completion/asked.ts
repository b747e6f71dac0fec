import type { Argument, Command, Option } from 'commander';

/** What is asked for at the end of a command line. */
export interface Asked extends Passed {
  readonly next: Next;
  /** What the value has before it in the word that is typed: `--job=`. */
  readonly lead: string;
  /** How the word begins that is typed, without `lead`. */
  readonly begun: string;
}

export type Next =
  | { readonly kind: 'verbs'; readonly verbs: readonly Command[] }
  | { readonly kind: 'flags'; readonly flags: readonly Option[] }
  /** `--job`, or the name of an argument. */
  | { readonly kind: 'value'; readonly of: string }
  | { readonly kind: 'nothing' };

/** The words before it, read by what the program knows. */
interface Passed {
  /** Verbs: `ledger`, `show`. */
  readonly path: readonly string[];
  /** Flags by their long name, each with its last value. */
  readonly flags: ReadonlyMap<string, string | undefined>;
  /** What is neither, by the name of the argument that it is. */
  readonly operands: ReadonlyMap<string, string>;
}

/** @param words as `typedWords` gives them */
export function askedAt(program: Command, words: readonly string[]): Asked {
  const reader = new Reader(program);
  for (const word of words.slice(0, -1)) reader.pass(word);
  return reader.asked(words.at(-1) ?? '');
}

class Reader {
  private command: Command;
  private above: Command;
  /** After `--`: nothing is a flag. */
  private isRest = false;
  /** A flag that takes the next word as its value; `isFed`: it has one, and takes more until the next flag. */
  private open: { readonly flag: Option; readonly isFed: boolean } | undefined;
  private readonly path: string[] = [];
  private readonly operands = new Map<string, string>();
  private readonly flags = new Map<string, string | undefined>();

  constructor(program: Command) {
    this.command = this.above = program;
  }

  pass(word: string): void {
    const flag = this.fedBy(word);
    if (flag) {
      this.flags.set(nameOf(flag), word);
      this.open = flag.variadic ? { flag, isFed: true } : undefined;
    } else {
      this.open = undefined;
      if (word === '--' && !this.isRest) this.isRest = true;
      else if (this.isFlag(word)) this.passFlag(word);
      else this.passOperand(word);
    }
  }

  asked(word: string): Asked {
    const { path, flags, operands } = this;
    const passed = { path, flags, operands, lead: '', begun: word };
    const fed = this.fedBy(word);
    if (fed) return { ...passed, next: { kind: 'value', of: nameOf(fed) } };
    if (!this.isFlag(word)) return { ...passed, next: this.nextOperand() };

    const { name, value } = parts(word);
    if (value === undefined) return { ...passed, next: { kind: 'flags', flags: this.flagsLeft() } };
    const flag = this.flagCalled(name);
    if (!flag || !takesValue(flag)) return { ...passed, next: { kind: 'nothing' } };
    return { ...passed, lead: `${name}=`, begun: value, next: { kind: 'value', of: nameOf(flag) } };
  }

  private passFlag(word: string): void {
    const { name, value } = parts(word);
    const flag = this.flagCalled(name);
    if (!flag) return;
    this.flags.set(nameOf(flag), value);
    if (takesValue(flag) && value === undefined) this.open = { flag, isFed: false };
  }

  private passOperand(word: string): void {
    const verb = this.verbs().find((one) => one.name() === word);
    if (verb) {
      this.path.push(word);
      this.above = this.command;
      this.command = verb;
    } else if (this.isHelp())
      this.above = visibleVerbs(this.above).find((one) => one.name() === word) ?? this.command;
    else this.operands.set(this.argument()?.name() ?? '', word);
  }

  private nextOperand(): Next {
    const verbs = this.verbs();
    if (verbs.length > 0) return { kind: 'verbs', verbs };
    const argument = this.argument();
    if (!argument) return { kind: 'nothing' };
    if (this.isHelp()) return { kind: 'verbs', verbs: visibleVerbs(this.above) };
    return { kind: 'value', of: argument.name() };
  }

  /** The verb whose operands are verbs: `above` is the one that those before lead to. */
  private isHelp(): boolean {
    return this.command.name() === 'help';
  }

  /** The one that the next operand is. */
  private argument(): Argument | undefined {
    const { registeredArguments } = this.command;
    const last = registeredArguments.at(-1);
    return registeredArguments[this.operands.size] ?? (last?.variadic ? last : undefined);
  }

  /** The flag that takes a word as its value, whatever it looks like; one that has a value gives way to a flag. */
  private fedBy(word: string): Option | undefined {
    return this.open && !(this.open.isFed && this.isFlag(word)) ? this.open.flag : undefined;
  }

  private isFlag(word: string): boolean {
    return !this.isRest && word.startsWith('-');
  }

  private verbs(): readonly Command[] {
    return this.operands.size === 0 ? visibleVerbs(this.command) : [];
  }

  private flagsHere(): readonly Option[] {
    const help = this.command.createHelp();
    return [...help.visibleOptions(this.command), ...help.visibleGlobalOptions(this.command)];
  }

  private flagsLeft(): readonly Option[] {
    return this.flagsHere().filter((flag) => flag.variadic || !this.flags.has(nameOf(flag)));
  }

  private flagCalled(name: string): Option | undefined {
    return this.flagsHere().find(({ short, long }) => name === short || name === long);
  }
}

const visibleVerbs = (command: Command): readonly Command[] =>
  command.commands.length === 0 ? [] : command.createHelp().visibleCommands(command);

export const nameOf = (flag: Option): string => flag.long ?? flag.flags;

export const takesValue = (flag: Option): boolean => flag.required || flag.optional;

/** `--job=KEY` in its two parts. */
function parts(word: string): { readonly name: string; readonly value: string | undefined } {
  const at = word.startsWith('--') ? word.indexOf('=') : -1;
  if (at < 0) return { name: word, value: undefined };
  return { name: word.slice(0, at), value: word.slice(at + 1) };
}
