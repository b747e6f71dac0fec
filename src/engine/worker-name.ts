import { hostname } from 'node:os';
import { isProcessAlive } from '../process-alive.js';

/** How a worker is called by the engine, in the ledger and in logs: `<host>-<process id>`. */
export const workerName = (): string => `${hostname()}-${process.pid}`;

/** Whether a worker of that name runs on this host, by what it said of itself. */
export const isOfThisHost = (name: string): boolean => name.startsWith(`${hostname()}-`);

/** Whether that worker has surely ended: it was of this host, where no process has its id any more. */
export function hasEndedHere(name: string): boolean {
  const pid = isOfThisHost(name) ? Number(name.slice(hostname().length + 1)) : NaN;
  return Number.isSafeInteger(pid) && pid > 0 && !isProcessAlive(pid);
}
