import { statePaths, type Config } from '../config.js';
import { MINUTE_MS } from '../contract/units.js';
import { fullFolder, keptIn } from '../free-room.js';
import { fullText } from '../policy/waits.js';
import type { WriteWatch } from '../write-watch.js';
import { LASTING_MS, type Unwritable } from './unwritable.js';

/**
 * Whoever can't store is tried again sooner: by then it is over, or another worker stores. Shorter than what lasts has to
 * last before it is told, so that one failure alone never is.
 */
const STALE_MS = LASTING_MS - MINUTE_MS;

/** How the last writes of this process ended. */
export interface Watched {
  readonly ledger: Pick<WriteWatch, 'last'>;
  readonly artifacts: Pick<WriteWatch, 'last'>;
}

/** A disk that is full, before anybody runs into it; else what the last writes have met. */
export async function whatIsUnwritable(
  config: Pick<Config, 'ledger' | 'stateDir'>,
  { ledger, artifacts }: Watched,
): Promise<Unwritable | undefined> {
  const full = await fullFolder(keptIn(config));
  if (full !== undefined) {
    const isOfLedger = 'path' in config.ledger && full !== statePaths(config.stateDir).artifacts;
    const what = isOfLedger ? 'ledger' : 'artifacts';
    return { what, why: fullText(full), errorClass: 'transient' };
  }
  // The ledger is written every few seconds, artifacts only when something was made.
  if (ledger.last) return { what: 'ledger', ...said(ledger.last) };
  const { last } = artifacts;
  if (last === undefined || Date.parse(last.seenAt) < Date.now() - STALE_MS) return undefined;
  return { what: 'artifacts', ...said(last), seenAt: last.seenAt };
}

const said = ({ trouble: { message, errorClass } }: NonNullable<WriteWatch['last']>) => ({
  why: message,
  errorClass,
});
