import type { Usage } from '../ledger/ledger.js';

/** Of a session that never ran, or whose use is not known. */
export const NOTHING_USED: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  costMicros: 0,
  costSource: 'none',
};
