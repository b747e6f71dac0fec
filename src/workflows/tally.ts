import type { JobOutcome } from '../contract/job-outcome.js';
import type { OpenedBatch, ShardSummary, Spent, Ticket, Unfinished } from '../contract/messages.js';

/** Unfinished jobs that a summary names; the others are only counted. */
export const NAMED_MAX = 20;

/** Running figures of one run of a batch. */
export class Tally {
  private done = 0;
  private adopted = 0;
  /** Unfinished jobs beyond those in `notes`: found so by the ledger, or by a shard. */
  private readonly found = { parked: 0, held: 0, cancelled: 0 };
  private spent = 0;
  private unknown = 0;
  private readonly notes = new Map<string, Unfinished>();

  constructor(private readonly jobs: number) {}

  open({ adopted, parked, held, notes }: OpenedBatch): void {
    this.adopted += adopted;
    this.found.parked += parked - notes.filter(({ state }) => state === 'parked').length;
    this.found.held += held - notes.filter(({ state }) => state === 'held').length;
    for (const note of notes) this.notes.set(note.key, note);
  }

  add({ key, title }: Ticket, outcome: JobOutcome): void {
    if ('spentMicros' in outcome) this.spent += outcome.spentMicros ?? 0;
    if ('costUnknown' in outcome) this.unknown += outcome.costUnknown ?? 0;
    if (outcome.state !== 'done' && outcome.state !== 'adopted') {
      this.notes.set(key, { key, title, ...withoutSpent(outcome) });
      return;
    }
    this[outcome.state]++;
    this.notes.delete(key); // a shard may have named it, from before it was given a new try
  }

  /** What a shard did. Of its unfinished jobs it names the first; the others are only counted. */
  merge({ done, adopted, parked, held, cancelled, unfinished, ...rest }: ShardSummary): void {
    this.spent += rest.spentMicros ?? 0;
    this.unknown += rest.costUnknown ?? 0;
    this.done += done;
    this.adopted += adopted;
    const named = (state: string) => unfinished.filter((job) => job.state === state).length;
    this.found.parked += parked - named('parked');
    this.found.held += held - named('held');
    this.found.cancelled += cancelled - named('cancelled');
    for (const job of unfinished) this.notes.set(job.key, job);
  }

  /** The job runs again. False when it is under way already. */
  forget(key: string): boolean {
    if (this.notes.delete(key)) return true;
    if (this.found.parked === 0) return false;
    this.found.parked--;
    return true;
  }

  /** Of jobs that have ended, in micro-units of the currency; only shown. */
  get spentMicros(): number {
    return this.spent;
  }

  /** Sessions of them that told no cost. */
  get costUnknown(): number {
    return this.unknown;
  }

  get finished(): number {
    return this.done + this.adopted;
  }

  get counts() {
    const inState = (state: string) => [...this.notes.values()].filter((job) => job.state === state).length;
    return {
      jobs: this.jobs,
      done: this.done,
      adopted: this.adopted,
      // Which of the unnamed ones have been done since, no shard tells.
      parked: Math.min(inState('parked') + this.found.parked, this.jobs - this.finished),
      held: inState('held') + this.found.held,
      cancelled: inState('cancelled') + this.found.cancelled,
    };
  }

  unfinished(limit: number): Unfinished[] {
    return [...this.notes.values()].slice(0, limit);
  }
}

/** Notes go into the summary of the batch, whose shape is older than what is shown of spend. */
function withoutSpent<T extends object>(outcome: T): Omit<T, 'spentMicros' | 'costUnknown'> {
  const { spentMicros: _s, costUnknown: _u, ...rest } = outcome as T & Spent;
  return rest;
}
