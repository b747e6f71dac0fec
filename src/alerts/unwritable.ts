import { definitionToShow } from '../batch/manifest.js';
import type { Notice } from '../contract/alerts.js';
import type { ErrorClass } from '../contract/errors.js';
import { MINUTE_MS } from '../contract/units.js';
import { sha256Hex } from '../identity/digest.js';
import type { BatchRow } from '../ledger/ledger.js';
import { tellNow, type CourierDeps } from './courier.js';
import { commandsFor } from './standing.js';

/** A restart of a database, or a lock, has passed by then. */
export const LASTING_MS = 5 * MINUTE_MS;

/** By then every worker of this host has seen that it is over. */
const SETTLED_MS = MINUTE_MS;

/** What keeps everything from being written down, or what sessions make from being stored. */
export interface Unwritable {
  readonly what: 'ledger' | 'artifacts';
  readonly why: string;
  readonly errorClass: ErrorClass;
  /** ISO 8601; absent where it is so at this moment. What was begun after that has not met it. */
  readonly seenAt?: string;
}

/** The right to tell of one batch, among the workers of this host. Ends with its process, however that ends. */
export interface Turn {
  release(): void;
}

export interface UnwritableDeps extends Pick<CourierDeps, 'artifacts' | 'env' | 'now'> {
  readonly stateDir: string;
  /** What it is at the moment, if anything. */
  readonly unwritable: () => Promise<Unwritable | undefined>;
  /** Undefined while another worker of this host has it. */
  readonly turn: (batchId: string) => Turn | undefined;
}

/**
 * Tells people that nothing goes on because nothing can be written down. No other alert can tell it: those are queued in
 * the ledger.
 *
 *  UW1. Told when it has lasted for a while, and when it is over; by one worker of each host, for as long as that one lives.
 *       Messages of several mostly bear one id.
 *  UW2. Those are told who are told of the batches that were under way when the ledger was last read.
 *  UW3. What no channel takes is tried again with the next look, for nothing else remembers it; by any of the workers, for
 *       another one may reach somebody.
 */
export class UnwritableAlarm {
  private underWay: readonly BatchRow[] = [];
  private sinceMs: number | undefined;
  /** By batch. */
  private readonly told = new Map<string, Told>();

  constructor(private readonly deps: UnwritableDeps) {}

  /** UW2 */
  saw(batches: readonly BatchRow[]): void {
    this.underWay = batches.filter(({ state }) => state === 'running');
  }

  async look(signal: AbortSignal): Promise<void> {
    const nowMs = this.deps.now().getTime();
    const found = await this.deps.unwritable();
    if (found === undefined) return this.isOver(nowMs, signal);
    this.sinceMs ??= nowMs;
    if (nowMs - this.sinceMs < LASTING_MS) return; // UW1
    for (const batch of this.underWay) {
      if (found.seenAt !== undefined && found.seenAt < batch.openedAt) continue;
      await this.tellOnce(batch, this.noticeOf(batch, found, this.sinceMs), signal);
    }
  }

  /** Leaves it to the others. */
  close(): void {
    for (const { turn } of this.told.values()) turn.release();
    this.told.clear();
  }

  private async tellOnce(batch: BatchRow, opened: Notice, signal: AbortSignal): Promise<void> {
    const before = this.told.get(batch.id);
    if (before !== undefined && before.overMs === undefined) return;
    const turn = before?.turn ?? this.deps.turn(batch.id);
    if (turn === undefined) return;
    if (await this.tell(batch, opened, signal)) {
      this.told.set(batch.id, { batch, opened, turn });
    } else {
      this.told.delete(batch.id);
      turn.release(); // UW3
    }
  }

  private async isOver(nowMs: number, signal: AbortSignal): Promise<void> {
    this.sinceMs = undefined;
    const lastSeen = new Date(nowMs).toISOString();
    for (const [id, told] of this.told) {
      const { batch, opened, turn, overMs } = told;
      if (overMs === undefined) {
        this.told.set(id, { ...told, overMs: nowMs }); // whoever does not hear of it sees the batch go on
        await this.tell(
          batch,
          {
            ...opened,
            id: idOf('recovered', opened.subject, batch, opened.firstSeen),
            kind: 'recovered',
            lastSeen,
          },
          signal,
        );
      } else if (nowMs - overMs >= SETTLED_MS) {
        this.told.delete(id);
        turn.release();
      }
    }
  }

  /** @returns false where nobody took it */
  private async tell(batch: BatchRow, notice: Notice, signal: AbortSignal): Promise<boolean> {
    const definition = await definitionToShow(batch, this.deps.artifacts);
    if (definition === undefined) return false; // of a worker that can read it, somebody may hear
    if (definition.alerts.length === 0) return true;
    return (await tellNow(definition, notice, this.deps, signal)).some(({ took }) => took);
  }

  private noticeOf(batch: BatchRow, { what, why, errorClass }: Unwritable, sinceMs: number): Notice {
    const at = new Date(sinceMs).toISOString();
    const { doctor, status } = commandsFor(batch, [batch.id], this.deps.stateDir);
    return {
      id: idOf('opened', what, batch, at),
      kind: 'opened',
      rule: errorClass === 'config' ? 'config' : 'down',
      batch: batch.name,
      subject: what,
      errorClass,
      firstSeen: at,
      lastSeen: at,
      fingerprint: sha256Hex(`${what} ${batch.name}`),
      detail: {
        headline: `${HEADLINES[what]}: ${why}`,
        jobs: 0,
        of: batch.jobs,
        examples: [],
        next: [
          { what: 'see what is wrong where workers run', command: doctor },
          { what: 'see whether it goes on', command: status },
        ],
      },
    };
  }
}

interface Told {
  readonly batch: BatchRow;
  readonly opened: Notice;
  readonly turn: Turn;
  /** When that it is over was told; milliseconds since the epoch. */
  readonly overMs?: number;
}

const HEADLINES: Readonly<Record<Unwritable['what'], string>> = {
  ledger: 'nothing can be written down, so nothing goes on',
  artifacts: 'what sessions make can’t be stored, so their jobs wait',
};

/** Workers notice it within seconds of each other. */
const idOf = (kind: string, what: string, { id, runId }: BatchRow, since: string): string =>
  `ns-${sha256Hex(`${what} ${kind} ${id} ${runId} ${since.slice(0, '2026-11-23T02'.length)}`).slice(0, 24)}`;
