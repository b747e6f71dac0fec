import { definitionToShow } from '../batch/manifest.js';
import type { Notice } from '../contract/alerts.js';
import type { ErrorClass } from '../contract/errors.js';
import { MINUTE_MS } from '../contract/units.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import { sha256Hex } from '../identity/digest.js';
import type { ToldAlert } from '../ledger/alert-rows.js';
import type { BatchRow } from '../ledger/ledger.js';
import type { AlertCause } from '../policy/alerts.js';
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
  readonly ledger: Pick<CourierDeps['ledger'], 'noteToldAlert'>;
  readonly stateDir: string;
  /** Name of this host. */
  readonly host: string;
  /** What it is at the moment, if anything. */
  readonly unwritable: () => Promise<Unwritable | undefined>;
  /** Undefined while another worker of this host has it. */
  readonly turn: (batchId: string) => Turn | undefined;
}

/**
 * Tells people that nothing goes on because nothing can be written down. No other alert can tell it: those are queued in
 * the ledger.
 *
 *  UW1. Told when it has lasted for a while, by one worker of each host, for as long as that one lives. Messages of several
 *       mostly bear one id.
 *  UW2. Those are told who are told of the batches that were under way when the ledger was last read.
 *  UW3. What no channel takes is tried again with the next look, for nothing else remembers it; by any of the workers, for
 *       another one may reach somebody.
 *  UW4. When it is over, what was told is noted in the ledger as any other alert, which has its end told to who heard of it.
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
    if (found === undefined) return this.isOver(nowMs);
    this.sinceMs ??= nowMs;
    if (nowMs - this.sinceMs < LASTING_MS) return; // UW1
    for (const batch of this.underWay) {
      if (found.seenAt !== undefined && found.seenAt < batch.openedAt) continue;
      await this.tellOnce(batch, this.causeOf(batch, found), new Date(this.sinceMs).toISOString(), signal);
    }
  }

  /** Leaves it to the others. */
  close(): void {
    for (const { turn } of this.told.values()) turn.release();
    this.told.clear();
  }

  private async tellOnce(
    batch: BatchRow,
    cause: AlertCause,
    firstSeen: string,
    signal: AbortSignal,
  ): Promise<void> {
    const before = this.told.get(batch.id);
    if (before !== undefined && before.overMs === undefined) return;
    const turn = before?.turn ?? this.deps.turn(batch.id);
    if (turn === undefined) return;
    const id = idOf(cause, batch, firstSeen);
    const notice: Notice = {
      id,
      kind: 'opened',
      batch: batch.name,
      firstSeen,
      lastSeen: firstSeen,
      ...cause,
    };
    const answers = await this.tell(batch, notice, signal);
    if (answers !== undefined) {
      this.told.set(batch.id, { batch, cause, messageId: id, firstSeen, answers, turn });
    } else {
      this.told.delete(batch.id);
      turn.release(); // UW3
    }
  }

  private async isOver(nowMs: number): Promise<void> {
    this.sinceMs = undefined;
    for (const [id, told] of this.told) {
      const { turn, overMs } = told;
      if (overMs === undefined) {
        await this.note(told); // UW4
        this.told.set(id, { ...told, overMs: nowMs });
      } else if (nowMs - overMs >= SETTLED_MS) {
        this.told.delete(id);
        turn.release();
      }
    }
  }

  private async note({ batch, turn: _, ...told }: Told): Promise<void> {
    if (told.answers.size === 0) return; // nobody is to be told of anything
    const { definition } = readManifestRef(batch.manifest);
    await this.deps.ledger.noteToldAlert({ batchName: batch.name, batchId: batch.id, definition, ...told });
  }

  /** @returns what each route said; undefined where nobody took it */
  private async tell(
    batch: BatchRow,
    notice: Notice,
    signal: AbortSignal,
  ): Promise<Told['answers'] | undefined> {
    const definition = await definitionToShow(batch, this.deps.artifacts);
    if (definition === undefined) return undefined; // of a worker that can read it, somebody may hear
    const answers = await tellNow(definition, notice, this.deps, signal);
    const hasTaken = [...answers.values()].flat().some(({ took }) => took);
    return hasTaken || answers.size === 0 ? answers : undefined;
  }

  private causeOf(batch: BatchRow, { what, why, errorClass }: Unwritable): AlertCause {
    const { doctor, status } = commandsFor(batch, [batch.id], this.deps.stateDir);
    const where = what === 'ledger' ? '' : ` ${this.deps.host}`; // each host has artifacts of its own
    return {
      fingerprint: sha256Hex(`${what}${where} ${batch.name}`),
      rule: errorClass === 'config' ? 'config' : 'down',
      subject: what,
      errorClass,
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

interface Told extends Pick<ToldAlert, 'cause' | 'messageId' | 'firstSeen' | 'answers'> {
  readonly batch: BatchRow;
  readonly turn: Turn;
  /** When that it is over was noted; milliseconds since the epoch. */
  readonly overMs?: number;
}

const HEADLINES: Readonly<Record<Unwritable['what'], string>> = {
  ledger: 'nothing can be written down, so nothing goes on',
  artifacts: 'what sessions make can’t be stored, so their jobs wait',
};

/** Workers notice it within seconds of each other. One that comes back has been told for as long before. */
const idOf = ({ fingerprint }: AlertCause, { id, runId }: BatchRow, since: string): string => {
  const about = Math.floor(Date.parse(since) / LASTING_MS);
  return `ns-${sha256Hex(`${fingerprint} ${id} ${runId} ${about}`).slice(0, 24)}`;
};
