import { CancellationScope, condition } from '@temporalio/workflow';
import type { PauseLevel } from '../contract/holds.js';
import type { BatchInput } from '../contract/messages.js';
import { levelMeant, strictest } from '../policy/hold.js';
import { batchActivities } from './activity-options.js';
import { noteState } from './attributes.js';
import type { Lanes } from './lanes.js';
import { controlRequestOf } from './messages.js';
import type { Shards } from './shards.js';

/** What the pauses ask of their batch, and tell it. */
export interface PausesTold {
  phase(): 'opening' | 'open' | 'closing';
  change(): void;
}

/**
 * The pauses that hold a batch: its own, and one of its work, its provider, or everything.
 *
 *  P1. The strictest holds. The ledger is told of our own first: Activities ask it.
 *  P2. One change after another, and the last wish stands: the engine may hand over a pause and its resume at once.
 */
export class Pauses {
  /** Of our own: what was asked for last, and what the ledger knows. */
  private wished: PauseLevel | undefined;
  private noted: PauseLevel | undefined;
  /** Of its work, its provider, or everything. */
  private held: PauseLevel | undefined;
  /** What the engine shows of us; a batch starts with that. */
  private shown: 'running' | 'paused' = 'running';
  private resumedAt = 0;
  private turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly batch: BatchInput,
    private readonly batchId: string,
    private readonly lanes: Lanes,
    private readonly shards: Shards,
    private readonly told: PausesTold,
  ) {}

  /** How strictly the batch has to stand still. */
  get level(): PauseLevel | undefined {
    return strictest(this.wished, this.held);
  }

  /** Whether it is paused by itself, or is about to be. */
  get isWished(): boolean {
    return this.wished !== undefined;
  }

  /** Resolves when all that was asked for until now is done. */
  get settled(): Promise<void> {
    return this.turn;
  }

  /** Whether a person has said "go on" since. @param admittedAt see `ControlRequest` */
  isOutdated(admittedAt: number | undefined): boolean {
    return admittedAt !== undefined && admittedAt < this.resumedAt;
  }

  /** What a request to pause means. */
  levelOf(request: unknown): PauseLevel {
    return levelMeant(controlRequestOf(request).level, this.wished);
  }

  /** The batch was found held when it was opened. */
  foundHeld(level: PauseLevel): Promise<void> {
    this.held = level;
    this.noteHeld();
    return this.lanes.setPaused(this.level);
  }

  /** @param level undefined: a resume */
  set(level: PauseLevel | undefined, request: unknown): Promise<void> {
    this.wished = level;
    if (level !== undefined) this.lanes.hold();
    else this.resumedAt = Date.now();
    return this.inTurn(() => this.apply(level, request)); // P2
  }

  /** Somebody has paused more than this batch, or resumed it. */
  holdsChanged(): Promise<void> {
    return this.inTurn(() => this.applyHolds());
  }

  /** A cancellation that comes with it must not take a note away, for the batch is closed after it. */
  private async inTurn(act: () => Promise<void>): Promise<void> {
    const done = this.turn.then(() => CancellationScope.nonCancellable(act));
    this.turn = done.catch(() => undefined);
    await done;
  }

  private async apply(level: PauseLevel | undefined, request: unknown): Promise<void> {
    // Before a run is open the ledger has nothing to note this of; when it is closed, no more.
    await condition(() => this.told.phase() !== 'opening');
    if (this.told.phase() === 'closing' || level !== this.wished) return;
    if (level === this.noted && this.level === this.lanes.pauseLevel) return;
    if (level !== this.noted) {
      const { noteBatch } = batchActivities(this.batch.timing);
      // P1: nothing new starts once this is written.
      await noteBatch(this.batchId, level ? 'paused' : 'running', {
        ...controlRequestOf(request),
        ...(level && { level }),
      });
      this.noted = level;
      if (this.batch.stateAttributes) {
        const isHeld = level !== undefined || this.held !== undefined;
        this.shown = isHeld ? 'paused' : 'running';
        noteState(this.shown);
      }
    }
    await this.applyLevel();
  }

  private async applyHolds(): Promise<void> {
    await condition(() => this.told.phase() !== 'opening');
    if (this.told.phase() === 'closing') return;
    const { askHolds } = batchActivities(this.batch.timing);
    this.held = await askHolds(this.batch.work, this.batch.manifest);
    this.noteHeld();
    await this.applyLevel(); // also where nothing has changed: a job may have met a pause of which nobody told us
  }

  /** A wider pause came or went; our own is noted with the ledger. */
  private noteHeld(): void {
    const state = this.level === undefined ? 'running' : 'paused';
    if (!this.batch.stateAttributes || state === this.shown) return;
    this.shown = state;
    noteState(state);
  }

  private async applyLevel(): Promise<void> {
    await this.lanes.setPaused(this.level);
    await this.shards.setPaused(this.level);
    this.told.change();
  }
}
