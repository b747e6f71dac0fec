import { existsSync } from 'node:fs';
import { statePaths, type Config } from '../config.js';

/**
 * What to say where there was a ledger and is none: by the key that signed its receipts. Nothing is refused, and a new one is
 * made, for destinations and the engine are asked; but not all of them know.
 */
export function lostLedger({ ledger, stateDir }: Pick<Config, 'ledger' | 'stateDir'>): string | undefined {
  if (!('path' in ledger) || existsSync(ledger.path) || !existsSync(statePaths(stateDir).keys))
    return undefined;
  return (
    `warning: the ledger is gone [path=${ledger.path}]. What was done before is known only to destinations that can be ` +
    'asked and, for a time, to the engine. If it was not meant to be gone, put it back before anything goes on: ' +
    'nightshift ledger restore BACKUP, or nightshift ledger rebuild FILE'
  );
}
