import type { Usage } from '../../../ledger/ledger.js';
import { readResultFile } from './result-document.js';
import type { RunPaths } from './run-directory.js';

const MICROS = 1_000_000;

/** What the program says that it used; nothing known where it says nothing. Money is counted in US dollars. */
export async function usageOf(paths: RunPaths): Promise<Usage> {
  const result = await readResultFile(paths);
  const { usage, cost } = result.kind === 'document' ? result.document : {};
  return {
    inputTokens: usage?.inputTokens ?? 0,
    outputTokens: usage?.outputTokens ?? 0,
    cachedTokens: usage?.cachedTokens ?? 0,
    costMicros: cost ? Math.round(Number(cost.usd) * MICROS) : 0,
    costSource: cost?.source ?? 'none',
  };
}
