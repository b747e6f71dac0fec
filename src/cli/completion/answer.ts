import { homedir } from 'node:os';
import type { Command } from 'commander';
import type { KnownKind, KnownWord } from '../../client/known-words.js';
import { askedAt, nameOf, type Asked } from './asked.js';
import { typedWords } from './command-line.js';
import { valuesOf } from './values.js';

/** What a shell is to offer. */
export interface Answer {
  /** Whether it is to look for files itself, beside the words. */
  readonly beside: 'words' | 'files' | 'directories';
  /** Each a whole word, in place of the one that is being typed. */
  readonly words: readonly KnownWord[];
}

export const NOTHING: Answer = { beside: 'words', words: [] };

/** No shell has to quote such a word, nor takes it for a flag. Others come from files and agents: they are not offered. */
const PLAIN = /^[\w./][\w./@+:=,%-]*$/;

/** More is no help to anybody. Keys come in the order of their batch, so all beginnings are among these. */
const WORDS_MAX = 1000;

/** @param line up to the cursor */
export async function answerTo(program: Command, line: string): Promise<Answer> {
  const asked = askedAt(program, typedWords(line));
  const { beside, words } = await foundFor(asked);
  const fitting = words.filter(({ word }) => word.startsWith(asked.begun));
  return {
    beside,
    words: fitting.slice(0, WORDS_MAX).map(({ word, about }) => ({ word: `${asked.lead}${word}`, about })),
  };
}

async function foundFor(asked: Asked): Promise<Answer> {
  const { next } = asked;
  switch (next.kind) {
    case 'nothing':
      return NOTHING;
    case 'verbs':
      return wordsOnly(next.verbs.map((verb) => ({ word: verb.name(), about: verb.description() })));
    case 'flags':
      return wordsOnly(next.flags.map((flag) => ({ word: nameOf(flag), about: flag.description })));
    case 'value':
      return valuesFor(next.of, asked);
  }
}

const wordsOnly = (words: readonly KnownWord[]): Answer => ({ beside: 'words', words });

async function valuesFor(name: string, asked: Asked): Promise<Answer> {
  const values = valuesOf(name, asked);
  if (values === 'text') return NOTHING;
  if (values === 'files' || values === 'directories') return { beside: values, words: [] };
  if (typeof values === 'object' && 'words' in values)
    return wordsOnly((await values.words()).map((word) => ({ word, about: '' })));
  if (values === 'batches or files') return { beside: 'files', words: await known('batches', asked) };
  return wordsOnly(await known(values, asked));
}

async function known(kind: KnownKind, { begun, flags, operands }: Asked): Promise<readonly KnownWord[]> {
  const { knownWords } = await import('../../client/known-words.js');
  const words = await knownWords(kind, {
    begun,
    name: operands.get('name'),
    edition: flags.get('--edition'),
    state: flags.get('--state')?.replace(/^~(?=\/|$)/, homedir()),
  });
  return words.filter(({ word }) => PLAIN.test(word));
}
