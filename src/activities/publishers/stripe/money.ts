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

/**
 * Currencies whose smallest unit, at Stripe, is the whole one, and those where it is a thousandth; of all others it is a
 * hundredth. Source: docs.stripe.com/currencies, "Minor units in API amounts"; there ISK and UGX have hundredths.
 */
const NO_DIGITS = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '));
const THREE_DIGITS = new Set('bhd jod kwd omr tnd'.split(' '));

/** `12.50 EUR`. @param amount in the smallest unit */
export function moneyText(amount: number, currency: string): string {
  const digits = NO_DIGITS.has(currency) ? 0 : THREE_DIGITS.has(currency) ? 3 : 2;
  return `${(amount / 10 ** digits).toFixed(digits)} ${currency.toUpperCase()}`;
}
