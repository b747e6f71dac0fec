import { AdapterError } from '../../../contract/errors.js';
import type { StripeOptions } from './options.js';

/**
 * What the invoice is to come to, in the smallest unit.
 * @throws AdapterError `invalid`, `sent: 'no'`, for a total above the limit, or a line in another currency
 */
export function expectedTotal({
  lines,
  maxAmount,
  currency,
}: Pick<StripeOptions, 'lines' | 'maxAmount' | 'currency'>): number {
  const other = lines.find((line) => line.currency !== undefined && line.currency !== currency);
  if (other) throw refused(`a line is in ${other.currency}, and only ${currency} may be billed`);
  const total = lines.reduce((sum, { amount }) => sum + amount, 0);
  if (total > maxAmount)
    throw refused(
      `the lines come to ${total}, which is more than with.maxAmount allows (${maxAmount} ${currency})`,
    );
  return total;
}

const refused = (why: string): AdapterError =>
  new AdapterError('invalid', `no invoice was made: ${why}`, { sent: 'no' });
