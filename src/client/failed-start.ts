import { messageOf } from '../contract/thrown.js';
import type { Connections } from './connections.js';

/**
 * Starts a batch; where that fails, its morning report says so from then on, for no worker will write one. The failure
 * stays what it was.
 * @param name of the batch
 * @param start notes in the ledger what came of it
 */
export async function reportedIfFailed<T>(
  name: string,
  connections: Connections,
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (error) {
    await keepPage(name, connections);
    throw error;
  }
}

async function keepPage(name: string, connections: Connections): Promise<void> {
  try {
    await (await import('./report.js')).reportNight({ nameOrId: name }, connections);
  } catch (error) {
    connections.notify(
      `the morning report could not be written, "nightshift report" makes it again: ${messageOf(error)}`,
    );
  }
}
