/** Amounts as people read them, on a terminal, on a page and in the Web UI. */

/** What costs are counted in: 0.01 USD is 10,000. */
export const MICROS = 1_000_000;

/** `0.42 USD`; amounts below a cent keep two digits that say something. */
export function money(amount: number, currency: string): string {
  const tiny = amount > 0 && amount < 0.01;
  const digits = tiny ? Math.min(6, 1 - Math.floor(Math.log10(amount))) : 2;
  return `${amount.toFixed(digits)} ${currency}`;
}

export const moneyOfMicros = (micros: number, currency: string): string => money(micros / MICROS, currency);

/** What was spent, where not every session told its cost: `0.42 USD, and 3 sessions told no cost`. */
export function spentText({
  total,
  currency,
  unknown,
}: {
  readonly total: number;
  readonly currency: string;
  readonly unknown: number;
}): string {
  if (unknown === 0) return money(total, currency);
  const untold = `${unknown === 1 ? '1 session' : `${unknown} sessions`} told no cost`;
  return total === 0 ? `unknown: ${untold}` : `${money(total, currency)}, and ${untold}`;
}
