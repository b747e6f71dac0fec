import { scopeText, type Hold, type HoldScope, type PauseLevel } from '../contract/holds.js';
import { isConnectionError } from '../contract/thrown.js';
import { EngineUnavailable } from '../engine/index.js';
import type { BatchRow, InHand } from '../ledger/ledger.js';
import { audited, reasonAbout } from './audited.js';
import { batchesUnderWay } from './batches-under-way.js';
import type { Connections } from './connections.js';
import { membersOf, unknownName } from './scope-members.js';
import { tellBatches } from './tell-batches.js';
import { untilQuiet } from './until-quiet.js';

/** What came of pausing a work, a provider, or everything. */
export interface Placed {
  readonly hold: Hold;
  /** Batches under way that it holds back. */
  readonly batches: number;
  /** What is still on its way, and is finished. */
  readonly inHand: InHand;
  /** Nothing known has that name, so that probably another one was meant; or the engine is away. */
  readonly warning?: string;
}

export interface Lifted {
  /** Undefined: it was not on. */
  readonly hold: Hold | undefined;
  /** Batches under way that it held back. */
  readonly batches: number;
  /** Pauses that are still on. */
  readonly left: readonly Hold[];
  /** The engine is away. */
  readonly warning?: string;
}

/**
 * Nothing of that scope begins any more once this answers, now or in batches started later, until it is lifted. Whoever
 * stops everything may do so because the engine is in trouble: the ledger is all it takes.
 */
export async function placeHold(
  scope: HoldScope,
  level: PauseLevel | undefined,
  connections: Connections,
  reason?: string,
): Promise<Placed> {
  const ledger = await connections.ledger();
  return audited(
    ledger,
    scopeRequest('pause', scope, connections, reason),
    async () => {
      const hold = await ledger.placeHold(scope, level, connections.who, reason); // from here on it is in force
      const told = await tellBatches(connections).catch(unlessAway);
      const members = await membersOf(scope, told ?? (await batchesUnderWay(ledger)), connections);
      // Whether a worker lives that could have something in hand, nobody can tell without the engine.
      const inHand = await untilQuiet(scope, hold.level, connections, told ? undefined : async () => true);
      const unknown = members.length > 0 ? undefined : await unknownName(scope, connections);
      const warning = [unknown, told ? undefined : NOT_TOLD].filter((each) => each !== undefined).join('; ');
      return { hold, batches: members.length, inHand, ...(warning !== '' && { warning }) };
    },
    () => ({ outcome: 'done' }),
  );
}

const NOT_TOLD =
  'the engine does not answer, so batches under way could not be told; the pause is in force all the same, for nothing begins that has not asked the ledger';

const NOT_TOLD_OF_LIFT =
  'the engine does not answer, so batches under way could not be told; the pause is over all the same, and they see it by themselves once the engine is back';

/** @returns undefined where the engine is away */
function unlessAway(error: unknown): readonly BatchRow[] | undefined {
  if (error instanceof EngineUnavailable || (error instanceof Error && isConnectionError(error)))
    return undefined;
  throw error;
}

/** Batches that are told nothing of it ask the ledger by themselves; asked again, it tells them again. */
export async function liftHold(scope: HoldScope, connections: Connections, reason?: string): Promise<Lifted> {
  const ledger = await connections.ledger();
  return audited(
    ledger,
    scopeRequest('resume', scope, connections, reason),
    async () => {
      const hold = await ledger.liftHold(scope, connections.who);
      const told = await tellBatches(connections).catch(unlessAway);
      const members = await membersOf(scope, told ?? (await batchesUnderWay(ledger)), connections);
      const left = await pausesLeft(connections);
      return {
        hold,
        batches: members.length,
        left,
        ...(told === undefined && { warning: NOT_TOLD_OF_LIFT }),
      };
    },
    ({ hold }) => ({ outcome: hold === undefined ? 'ended' : 'done' }),
  );
}

/** All pauses that are on: wide ones, and those of single batches. */
async function pausesLeft(connections: Connections): Promise<readonly Hold[]> {
  const ledger = await connections.ledger();
  const batches = (await ledger.batches(Number.MAX_SAFE_INTEGER)).filter(({ state }) => state === 'paused');
  return [
    ...(await ledger.holds()),
    ...batches.map(({ name, pauseLevel, stateBy, reason, openedAt }): Hold => ({
      scope: { kind: 'batch', name },
      level: pauseLevel ?? 'finish',
      by: stateBy,
      reason,
      since: openedAt,
    })),
  ];
}

/** What is asked of all batches of a scope, for the ledger. */
export const scopeRequest = (
  what: 'pause' | 'resume' | 'concurrency' | 'cancel',
  scope: HoldScope,
  { who }: Connections,
  reason: string | undefined,
) => ({
  by: who,
  what,
  reason: reasonAbout(scopeText(scope), reason),
  ...(scope.kind === 'work' && { work: scope.name }),
});
