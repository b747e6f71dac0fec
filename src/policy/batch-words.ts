/**
 * How a command names a batch. A name means the run opened last, and commands are read when another night has been
 * opened: a night of its own goes with its edition, or with the ID that is no other's.
 */
import type { BatchInput } from '../contract/messages.js';
import { batchWorkflowId } from '../identity/workflow-ids.js';
import { shellWord } from './shell-word.js';

export interface NamedBatch {
  /** Workflow ID. */
  readonly id: string;
  readonly name: string;
  /** Of its jobs; undefined where they have none. */
  readonly edition?: string | undefined;
}

/**
 * Other batches that the same words would fit: its name, and its edition where it has one. `newer`: one of them was
 * opened later, so that the words mean that one · `older`: this one is what they mean now.
 */
export type Namesakes = 'none' | 'older' | 'newer';

/** No quotes help against it on a terminal, or in Markdown. */
const UNTYPED = /[\p{Cc}`]/u;

/** The words that mean this batch and no other, also tomorrow. */
export function batchWords({ id, name, edition }: NamedBatch, namesakes: Namesakes): readonly string[] {
  if (namesakes === 'newer' || UNTYPED.test(edition ?? '')) return [id];
  if (edition !== undefined) return [name, '--edition', edition];
  return namesakes === 'none' ? [name] : [id];
}

/** The same for who types it at once: nobody has opened another one of that name meanwhile. */
export const batchWordsNow = (batch: NamedBatch, namesakes: Namesakes): readonly string[] =>
  batchWords(batch, namesakes === 'older' ? 'none' : namesakes);

/**
 * Writes commands about a batch into Markdown, by its ID: a Workflow knows nothing of other batches, which may have its name,
 * and its edition as well where the list of a night was changed.
 */
export const markdownCommand =
  ({ name, key }: Pick<BatchInput, 'name' | 'key'>) =>
  (...verb: readonly string[]): string =>
    `\`${['nightshift', ...verb, batchWorkflowId({ name, batchKey: key })].map(shellWord).join(' ')}\``;
