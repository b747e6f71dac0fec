import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Carrier } from './carry.js';
import { nightshiftNight } from './nightshift-night.js';
import { loadProduct } from './product.js';
import { WorkerGroup } from './worker-group.js';

export const BLOCK_NIGHTS = 1_000;

export interface ProductSettings {
  /** Where state and batch files are kept. */
  readonly dir: string;
  readonly speed: number;
  readonly atOnce: number;
  /** Worker processes. */
  readonly workers: number;
  /** File for the receipts of the ledger, as the product exports them. */
  readonly receipts: string | undefined;
  readonly say: (line: string) => void;
}

/** Hosts the product: one engine and one ledger for all nights, a task queue for each worker process. */
export async function withNightshift<T>(
  { dir, speed, atOnce, workers, receipts, say }: ProductSettings,
  use: (carrier: Carrier) => Promise<T>,
): Promise<T> {
  const { createNightshift } = await loadProduct();
  const state = join(dir, 'state');
  process.env['NIGHTSHIFT_HEARTBEAT_SECONDS'] ??= '5';
  const engine = createNightshift({ state, onProgress: say });
  await engine.engine(); // one start, before the workers ask
  const groups = Array.from(
    { length: workers },
    (_, index) => new WorkerGroup(state, `harness-${index}`, speed),
  );
  const clients = groups.map(({ taskQueue }) => createNightshift({ state, taskQueue }));
  const ready = () => Promise.all(groups.map((group) => group.whenReady()));
  await ready();
  try {
    const done = await use({
      world: 'nightshift',
      carry: (night, twice, places) => {
        const nightshift = clients[night % clients.length] ?? engine;
        return nightshiftNight({ nightshift, ready }, join(dir, 'batches'), night, twice, places);
      },
      kill: ({ night }) => groups[night % groups.length]?.kill(),
      speed,
      atOnce,
      block: BLOCK_NIGHTS,
    });
    if (receipts !== undefined) {
      mkdirSync(dirname(receipts), { recursive: true });
      rmSync(receipts, { force: true }); // of a run that began with the same night, and was stopped
      await engine.exportReceipts({ out: receipts });
    }
    return done;
  } finally {
    for (const group of groups) group.stop();
    await Promise.all([engine, ...clients].map((client) => client.close()));
  }
}
