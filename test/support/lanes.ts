/** Hours that a lane is closed for pass in a test: for a worker that asks again soon, in the ledger that says until when. */
import { join } from 'node:path';
import { openLedger } from '../../src/ledger/open.js';
import { movedBack } from '../../src/policy/limits/state.js';
import { startNode, type CliOptions, type RunningCli } from './cli.js';

const WORKER = new URL('../e2e/fixtures/impatient-worker.mjs', import.meta.url).pathname;

/** Beside an engine that is there: `run --detach` leaves the work to it. */
export async function startImpatientWorker(state: string, options: CliOptions): Promise<RunningCli> {
  const worker = startNode([WORKER, state], options);
  await new Promise((resolve) => worker.process.stdout?.once('data', resolve));
  return worker;
}

/** Time passes for what all workers know of services and destinations. */
export async function pass(state: string, ms: number): Promise<void> {
  const ledger = await openLedger({ path: join(state, 'ledger.db') });
  try {
    for (const { id, label } of await ledger.lanes())
      await ledger.changeLane({ id, label }, (lane) => ({ state: movedBack(lane, ms), result: undefined }));
  } finally {
    await ledger.close();
  }
}
