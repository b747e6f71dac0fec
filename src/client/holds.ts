import { scopeText, type Hold, type HoldScope, type PauseLevel } from '../contract/holds.js';
import type { InHand } from '../ledger/ledger.js';
import { audited, reasonAbout } from './audited.js';
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
  /** Nothing known has that name: probably another one was meant. */
  readonly warning?: string;
}

export interface Lifted {
  /** Undefined: it was not on. */
  readonly hold: Hold | undefined;
  /** Batches under way that it held back. */
  readonly batches: number;
  /** Pauses that are still on. */
  readonly left: readonly Hold[];
}

/** Nothing of that scope begins any more once this answers, now or in batches started later, until it is lifted. */
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
      const members = await membersOf(scope, await tellBatches(connections), connections);
      const inHand = await untilQuiet(scope, hold.level, connections);
      const warning = members.length > 0 ? undefined : await unknownName(scope, connections);
      return { hold, batches: members.length, inHand, ...(warning !== undefined && { warning }) };
    },
    () => ({ outcome: 'done' }),
  );
}

/** Batches that are told nothing of it ask the ledger by themselves; asked again, it tells them again. */
export async function liftHold(scope: HoldScope, connections: Connections, reason?: string): Promise<Lifted> {
  const ledger = await connections.ledger();
  return audited(
    ledger,
    scopeRequest('resume', scope, connections, reason),
    async () => {
      const hold = await ledger.liftHold(scope, connections.who);
      const members = await membersOf(scope, await tellBatches(connections), connections);
      return { hold, batches: members.length, left: await pausesLeft(connections) };
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
