import type { Invoice } from './invoice.js';
import { expectedTotal } from './money.js';
import type { StripeOptions } from './options.js';

/** How an invoice differs from what the job wants billed; undefined where it does not. */
export function mismatch(options: StripeOptions, { customer, currency, total }: Invoice): string | undefined {
  const wanted = expectedTotal(options);
  if (customer !== options.customer) return `it bills ${customer ?? 'nobody'}, not ${options.customer}`;
  if (currency !== options.currency) return `it is in ${currency}, not ${options.currency}`;
  if (total !== wanted)
    return `it comes to ${total}, not ${wanted} ${currency}: taxes, discounts or lines that the job does not have`;
  return undefined;
}
