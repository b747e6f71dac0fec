import { hostname } from 'node:os';

/** How a worker is called by the engine, in the ledger and in logs: `<host>-<process id>`. */
export const workerName = (): string => `${hostname()}-${process.pid}`;

/** Whether a worker of that name runs on this host, by what it said of itself. */
export const isOfThisHost = (name: string): boolean => name.startsWith(`${hostname()}-`);
