import { durationMs } from '../../../contract/batch-file.js';
import type { PublisherFacts } from '../publisher.js';
import type { HttpOptions } from './options.js';
import { safeWindowMs } from './window-key.js';

const WINDOW_DEFAULT = '24h';

/**
 * What the options declare. The key is always sent; that the service honours it is the operator's word, given by
 * `keyWindow` or by naming `idempotencyHeader`.
 */
export function factsOf(options: HttpOptions): PublisherFacts {
  const { idempotencyHeader, keyWindow, lookup } = options;
  const honoursKey = idempotencyHeader !== undefined || keyWindow !== undefined;
  const keyWindowMs = safeWindowMs(durationMs(keyWindow ?? WINDOW_DEFAULT), durationMs(options.timeout));
  const settleMs = lookup ? durationMs(options.settle) : 0;
  return {
    name: 'http',
    class: honoursKey ? 2 : lookup ? 3 : 4,
    lookup: lookup ? 'exact' : 'none',
    settleMs,
    ...(!honoursKey && lookup && { requestMs: durationMs(options.timeout) }),
    ...(honoursKey && { keyWindowMs }),
  };
}
