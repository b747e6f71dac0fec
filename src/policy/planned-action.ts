import type { FoundEffect } from '../activities/publishers/publisher.js';
import type { PlannedAction } from '../contract/planned-action.js';
import type { Receipt } from '../contract/receipt.js';

export interface Wanted {
  readonly revision: number;
  readonly fingerprint: string;
  /** Hash of the body that would be sent, where it is known. */
  readonly sha256: string | undefined;
  /** An artifact is stored: a run publishes it as it is, and does not ask first whether to pay for one. */
  readonly isMade: boolean;
}

export interface Standing {
  /** The newest one of this effect. */
  readonly receipt: Receipt | undefined;
  /** The receipt's object was taken back by us. */
  readonly undone: boolean;
  /** Why a run would hold it, whatever the destination says. */
  readonly held: string | undefined;
  /** Undefined where the destination can't be asked. */
  readonly found: FoundEffect | undefined;
  readonly canUpdate: boolean;
}

export interface Decided {
  readonly action: PlannedAction;
  readonly why?: string;
}

/** The decisions of `landEffect` and of the agent step before it, with nothing sent. */
export function plannedAction(wanted: Wanted, standing: Standing): Decided {
  const { receipt, undone, held, found } = standing;
  if (receipt && !undone && receipt.revision >= wanted.revision) return landed(receipt, found);
  if (held !== undefined) return { action: 'held', why: held };
  switch (found?.kind) {
    case 'theirs':
    case 'removed':
      return { action: 'conflict', why: `${found.location}: ${found.why}` };
    case 'ours':
      return takenOver(wanted, standing, found);
    case 'absent':
    case undefined:
  }
  if (receipt && !undone) {
    const place = receipt.url ?? receipt.id;
    return {
      action: 'held',
      why: found
        ? `it landed as ${place} and is gone from there`
        : `it landed as ${place}, which can’t be changed any more`,
    };
  }
  return found ? { action: 'create' } : { action: 'create', why: 'the destination can’t be asked' };
}

/** The receipt stands, whatever the destination says by now; but who plans wants to know that. */
function landed({ id, url, sha256 }: Receipt, found: FoundEffect | undefined): Decided {
  const place = url ?? id;
  if (found?.kind === 'absent' || found?.kind === 'removed')
    return { action: 'nothing', why: `gone from ${place} since it landed; "nightshift ledger verify"` };
  const changed = found?.kind === 'theirs' || (found?.kind === 'ours' && found.placed.sha256 !== sha256);
  return changed
    ? { action: 'nothing', why: `${place} was changed since it landed; "nightshift ledger verify"` }
    : { action: 'nothing' };
}

function takenOver(
  { revision, fingerprint, sha256, isMade }: Wanted,
  { receipt, canUpdate }: Standing,
  { placed }: Extract<FoundEffect, { kind: 'ours' }>,
): Decided {
  const place = placed.url ?? placed.id;
  const byContent = receipt !== undefined && placed.sha256 === receipt.sha256 && placed.sha256 !== sha256;
  const isOlder = placed.revision === undefined ? byContent : placed.revision < revision;
  if (isOlder) {
    return canUpdate
      ? { action: 'update' }
      : { action: 'conflict', why: `${place} has an older revision, and can’t be updated` };
  }
  if (!isMade && placed.fingerprint !== undefined && placed.fingerprint !== fingerprint)
    return {
      action: 'conflict',
      why: `${place} was made from other fields of the job; raise revision to publish the new version`,
    };
  return placed.visible ? { action: 'adopt' } : { action: 'create', why: `${place} is there, still hidden` };
}
