import type { Usage } from '../../ledger/ledger.js';

/** For the log line and the span of a step. What the service did not tell is left out: 0 would be a figure. */
export const usageFacts = ({ inputTokens, outputTokens, costMicros, costSource, model }: Usage) => ({
  ...(inputTokens + outputTokens > 0 && {
    'nightshift.input_tokens': inputTokens,
    'nightshift.output_tokens': outputTokens,
  }),
  ...(costSource !== 'none' && { 'nightshift.cost_micros': costMicros }),
  ...(model !== undefined && { 'nightshift.model': model }),
});
