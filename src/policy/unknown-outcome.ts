import type { OnUnknown } from '../contract/batch-file.js';

export interface Silence {
  readonly facts: {
    readonly name: string;
    readonly lookup: 'exact' | 'scan' | 'none';
    readonly looksByPlace?: true;
    readonly keyWindowMs?: number;
  };
  /** What would be sent now is what was sent then, byte for byte. */
  readonly sameRequest: boolean;
  /** ISO 8601. */
  readonly firstSentAt: string | undefined;
  readonly now: Date;
  readonly onUnknown: OnUnknown;
}

export type AfterSilence =
  | { readonly kind: 'send' }
  | { readonly kind: 'assume'; readonly why: string }
  | { readonly kind: 'hold'; readonly why: string };

/**
 * What follows when a request got no answer, the settle time has passed, and the destination (where it can be asked)
 * says that nothing of ours is there.
 *
 * A proof of absence, or a key that the destination still remembers, allows another request. Where there is neither,
 * the batch's own wish decides; by default a person.
 */
export function afterSilence({ facts, sameRequest, firstSentAt, now, onUnknown }: Silence): AfterSilence {
  const lookedElsewhere = facts.looksByPlace === true && !sameRequest;
  if (facts.lookup === 'exact' && !lookedElsewhere) return { kind: 'send' };
  const window = withinWindow(facts.keyWindowMs, firstSentAt, now);
  if (window === 'open' && sameRequest) return { kind: 'send' };
  if (onUnknown === 'resend') return { kind: 'send' };
  const why = `a request was sent${firstSentAt === undefined ? '' : ` at ${firstSentAt}`} and got no answer; ${reason()}`;
  return onUnknown === 'assume-sent' ? { kind: 'assume', why } : { kind: 'hold', why };

  function reason(): string {
    if (facts.lookup === 'exact')
      return `it is not where it would be put now, but the options were edited since: look where ${facts.name} had it before`;
    if (window === 'open')
      return `its key is still known to ${facts.name}, but what would be sent now differs`;
    if (window === 'passed') {
      return facts.lookup === 'scan'
        ? `${facts.name} has forgotten its key since, and its list does not go back for sure`
        : `${facts.name} has forgotten its key since, and can’t be asked`;
    }
    return facts.lookup === 'scan' ? `the list of ${facts.name} is no proof` : `${facts.name} can’t be asked`;
  }
}

export interface Contradiction {
  /** Of the destination. */
  readonly name: string;
  readonly settleMs: number;
  readonly acknowledged: { readonly at: string; readonly id: string; readonly url?: string };
  readonly now: Date;
}

export interface AfterContradiction {
  readonly kind: 'look-again' | 'hold';
  readonly why: string;
}

/** Look-ups may lag behind creations; one that still finds nothing after that long asks for something else. */
const LAG_MS = 30_000;

/**
 * What follows when the destination has said that the effect is there, and a later look-up says that it is not. Whichever
 * is wrong, sending again could make a twin.
 */
export function afterContradiction({ name, settleMs, acknowledged, now }: Contradiction): AfterContradiction {
  const { at, id, url } = acknowledged;
  const passedMs = now.getTime() - Date.parse(at);
  const mayLag = passedMs >= 0 && passedMs < settleMs + LAG_MS;
  return {
    kind: mayLag ? 'look-again' : 'hold',
    why:
      `${name} said at ${at} that it is there as ${url ?? id}, but its look-up does not find it; nothing was sent ` +
      `again. If it is there, put the look-up right and answer --landed; if somebody took it away, answer ` +
      `--not-landed, and it is sent again ("nightshift approve" has both commands)`,
  };
}

function withinWindow(
  keyWindowMs: number | undefined,
  firstSentAt: string | undefined,
  now: Date,
): 'open' | 'passed' | 'none' {
  if (keyWindowMs === undefined) return 'none';
  if (firstSentAt === undefined) return 'passed';
  const ageMs = now.getTime() - Date.parse(firstSentAt);
  // Sent in the future: one of the clocks is wrong, and nobody knows which.
  return ageMs >= 0 && ageMs < keyWindowMs ? 'open' : 'passed';
}
