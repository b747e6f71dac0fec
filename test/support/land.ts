import type { CrashPoint } from '../../src/activities/crash-points.js';
import { landEffect, type Landed } from '../../src/activities/land-effect.js';
import type { BodyRequest, Publisher } from '../../src/activities/publishers/publisher.js';
import type { Receipt } from '../../src/contract/receipt.js';
import type { EffectRow } from '../../src/ledger/ledger.js';

export interface LandOptions {
  /** What the ledger knows from earlier tries. */
  readonly row?: Partial<EffectRow>;
  /** What it throws is thrown: the worker dies there. */
  readonly reached?: (point: CrashPoint) => void | Promise<void>;
}

/**
 * One try at one effect by the algorithm that all publishers are used by, with a ledger of its own that has no locks
 * and forgets everything: only the destination can keep tries from landing twice.
 */
export async function land(
  publisher: Publisher,
  body: BodyRequest,
  { row: fields = {}, reached = () => undefined }: LandOptions = {},
): Promise<Landed & { readonly sent: boolean }> {
  let sent = false;
  const row: EffectRow = {
    work: body.work,
    jobKey: body.jobKey,
    effectKey: body.effectKey,
    name: body.name,
    target: body.target,
    use: publisher.facts.name,
    revision: body.revision,
    state: 'pending',
    fence: 1,
    firstSentAt: undefined,
    lastSentAt: undefined,
    attempts: 0,
    sentSha256: undefined,
    acknowledged: undefined,
    receipt: undefined,
    unpublishedRevision: undefined,
    ...fields,
  };
  const end = await landEffect({
    publisher,
    body: {
      ...body,
      sentBefore: row.attempts > 0,
      receipt: row.receipt,
      takenBack: row.receipt !== undefined && row.unpublishedRevision === row.receipt.revision,
    },
    requestSha256: body.sha256,
    row,
    ledger: {
      acknowledgedEffect: async () => undefined,
      landEffect: async () => ({ jobDone: true }),
      effectOf: async () => undefined,
    },
    attempting: async () => {
      sent = true;
    },
    maySend: async () => undefined,
    onUnknown: 'hold',
    settles: {
      work: body.work,
      jobKey: body.jobKey,
      effectKeys: [body.effectKey],
      revision: body.revision,
      state: 'done',
    },
    context: {
      signal: new AbortController().signal,
      now: () => new Date(),
      sleep: async () => undefined,
    },
    reached,
  });
  return { ...end, sent };
}

/** What the ledger knows after a try whose answer was lost. */
export const LOST: Partial<EffectRow> = { state: 'unknown', attempts: 1 };

export function receiptIn(end: Landed): Receipt {
  if (end.kind === 'held') throw new Error(`held: ${end.message}`);
  return end.receipt;
}
