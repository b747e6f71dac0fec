import { durationMs } from '../../../contract/batch-file.js';
import { NOTHING_USED, type Usage } from '../../../ledger/ledger.js';
import { microsOf, ownTable } from '../managed/options.js';
import { namedIn, tableFor, tokenCostMicros } from '../managed/price-table.js';
import type { CommandOptions } from './options.js';
import { presetOf } from './presets/index.js';
import type { ModelUse, Preset, Reading } from './presets/preset.js';
import { readResultFile } from './result-document.js';
import { statIfThere, type RunPaths } from './run-directory.js';
import { lookAtRun } from './run-state.js';

const MICROS = 1_000_000;
/** How a run that left no exit code is read: as one that SIGTERM ended. */
const NO_EXIT_RC = 143;

/** What the program says that it used; nothing known where it says nothing. Money is counted in US dollars. */
export async function usageOf(paths: RunPaths, options: CommandOptions): Promise<Usage> {
  const result = await readResultFile(paths);
  const { usage, cost } = result.kind === 'document' ? result.document : {};
  const preset = presetOf(options);
  const read = preset === undefined ? NOTHING_USED : await presetUsage(paths, options, preset);
  return {
    ...read,
    ...usage,
    ...(cost && { costMicros: Math.round(Number(cost.usd) * MICROS), costSource: cost.source }),
  };
}

async function presetUsage(paths: RunPaths, options: CommandOptions, preset: Preset): Promise<Usage> {
  const state = await lookAtRun(paths);
  const rc = state.kind === 'ended' ? state.exit.rc : NO_EXIT_RC;
  const reading = await preset.read(paths, {
    rc,
    maxThrottleMs: durationMs(options.maxThrottle),
    now: new Date(),
  });
  const use = reading.use ?? [];
  const tokens = {
    inputTokens: total(use, 'input'),
    outputTokens: total(use, 'output'),
    cachedTokens: total(use, 'cached'),
  };
  return { ...NOTHING_USED, ...tokens, ...(await costOf(reading, rc, state.kind, paths, options, preset)) };
}

type Cost = Pick<Usage, 'costMicros' | 'costSource' | 'priceTable'>;

async function costOf(
  { use, usd, end }: Reading,
  rc: number,
  state: string,
  paths: RunPaths,
  options: CommandOptions,
  { prices }: Preset,
): Promise<Cost | undefined> {
  // Its own reckoning from list prices is no bill, but of this very session: the next one may cost as much.
  if (usd !== undefined) return { costMicros: microsOf(usd), costSource: 'reported' };
  if (use !== undefined && use.length > 0) {
    const started = (await statIfThere(paths.claim))?.mtime ?? new Date();
    const own = ownTable(options.prices);
    let costMicros = 0;
    let priced: ReturnType<typeof ownTable>;
    for (const { model, tokens } of use) {
      priced = own ?? tableFor(prices, model, started);
      if (priced === undefined) return undefined; // one model without a price, and the sum would be too small
      costMicros += tokenCostMicros(tokens, priced.price);
    }
    return { costMicros, costSource: 'price-table', ...(priced && { priceTable: namedIn(priced) }) };
  }
  // Ended from outside in the middle: it may have spent up to its cap, and said nothing of it.
  const cutOff = (state === 'gone' || state === 'ended') && (rc === 0 || rc > 128) && end.kind === 'failed';
  if (!cutOff || options.maxBudget === undefined) return undefined;
  return { costMicros: microsOf(options.maxBudget), costSource: 'estimate' };
}

const total = (use: readonly ModelUse[], kind: 'input' | 'output' | 'cached'): number =>
  use.reduce((sum, { tokens }) => sum + tokens[kind], 0);
