import { existsSync } from 'node:fs';
import { resolveConfig } from '../config.js';
import { jobTitle } from '../contract/job.js';
import type { ShownJobState } from '../contract/states.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import { openLedgerToLook } from '../ledger/open.js';
import { plural } from '../report/format.js';

/** A word that somebody may have to type. */
export interface KnownWord {
  readonly word: string;
  /** What it stands for, for people. May come from files and agents. */
  readonly about: string;
}

export type KnownKind =
  | 'batches'
  | 'editions'
  | 'works'
  | 'schedules'
  | 'lanes'
  | 'jobs that wait for approval'
  | { readonly jobs: 'all' | readonly ShownJobState[] };

export interface KnownWordsAsked {
  /** How the word begins. */
  readonly begun: string;
  /** Name or Workflow ID of the batch that it is about. */
  readonly name?: string | undefined;
  readonly edition?: string | undefined;
  /** State directory, as `NightshiftOptions` has it. */
  readonly state?: string | undefined;
}

/** Batches that are looked at, the newest: their list may go back for years. */
const BATCHES_MAX = 1000;

/** From so many characters on, a key is looked for among all jobs; before, among those of the newest batch. */
const KEY_PART_MIN = 4;

/**
 * What is known of that kind, the newest first. Reads the ledger, and nothing else; without one nothing is known.
 * @throws AdapterError as `openLedgerToLook`; UsageError when a setting is wrong
 */
export async function knownWords(kind: KnownKind, asked: KnownWordsAsked): Promise<readonly KnownWord[]> {
  const { state } = asked;
  const { ledger: place } = resolveConfig(state === undefined ? {} : { state });
  if ('path' in place && !existsSync(place.path)) return [];
  const ledger = await openLedgerToLook(place);
  try {
    return await wordsIn(ledger, kind, asked);
  } finally {
    await ledger.close();
  }
}

async function wordsIn(
  ledger: Ledger,
  kind: KnownKind,
  { begun, name, edition }: KnownWordsAsked,
): Promise<readonly KnownWord[]> {
  if (kind === 'schedules')
    return (await ledger.keptSchedules()).map(({ definition, batchName, paused }) => ({
      word: definition.name,
      about: `${batchName}${paused ? ', paused' : ''}`,
    }));
  if (kind === 'lanes') return (await ledger.lanes()).map(({ id, label }) => ({ word: id, about: label }));

  const all = await ledger.batches(BATCHES_MAX);
  const ofEdition = all.filter((batch) => edition === undefined || batch.edition === edition);
  const meant = ofEdition.filter((batch) => name === undefined || [batch.name, batch.id].includes(name));
  switch (kind) {
    case 'batches':
      return newestOf(ofEdition, begun.startsWith('batch:') ? ({ id }) => id : (batch) => batch.name);
    case 'editions':
      return newestOf(meant, (batch) => batch.edition);
    case 'works':
      return newestOf(all, ({ work }) => work);
    case 'jobs that wait for approval':
      return waitingIn(ledger, name === undefined ? undefined : (meant[0]?.id ?? name));
    default:
      return name === undefined && begun.length >= KEY_PART_MIN
        ? jobsWithKey(ledger, begun)
        : jobsIn(ledger, meant[0], kind.jobs);
  }
}

async function waitingIn(ledger: Ledger, batchId: string | undefined): Promise<readonly KnownWord[]> {
  const waiting = await ledger.approvals(batchId === undefined ? {} : { batchId });
  const words = waiting.map(({ jobKey, identity, name }) => ({
    word: jobKey,
    about: `${jobTitle(identity)}: ${name}`,
  }));
  return [...new Map(words.map((word) => [word.word, word])).values()];
}

async function jobsWithKey(ledger: Ledger, keyPrefix: string): Promise<readonly KnownWord[]> {
  if (!/^[0-9a-f]+$/.test(keyPrefix)) return [];
  const jobs = await ledger.namedJobs({ keyPrefix });
  return jobs.map(({ jobKey, identity }) => ({ word: jobKey, about: jobTitle(identity) }));
}

async function jobsIn(
  ledger: Ledger,
  batch: BatchRow | undefined,
  states: 'all' | readonly ShownJobState[],
): Promise<readonly KnownWord[]> {
  const jobs = batch === undefined ? [] : await ledger.listedJobs(batch.id);
  return jobs
    .filter(({ state }) => states === 'all' || states.includes(state))
    .map(({ key, identity, state }) => ({ word: key, about: `${jobTitle(identity)}, ${state}` }));
}

/** Each word once, with the newest batch that has it. */
function newestOf(
  batches: readonly BatchRow[],
  wordOf: (batch: BatchRow) => string | undefined,
): readonly KnownWord[] {
  const newest = new Map<string, BatchRow>();
  for (const batch of batches) {
    const word = wordOf(batch);
    if (word !== undefined && !newest.has(word)) newest.set(word, batch);
  }
  return [...newest].map(([word, { state, jobs }]) => ({ word, about: `${state}, ${plural(jobs, 'job')}` }));
}
