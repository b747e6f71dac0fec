import { z } from 'zod';
import type { JsonObject } from '../../../contract/json.js';
import { moneyText } from './money.js';
import { currencySchema, linesOrTextSchema } from './options.js';

/** All else may be references to secrets still. */
const billedSchema = z.object({
  customer: z.string(),
  currency: currencySchema,
  lines: linesOrTextSchema,
});

/** What an invoice comes to and who gets it, then its lines; nothing where the options do not tell. */
export function billed(options: JsonObject): readonly string[] {
  const parsed = billedSchema.safeParse(options);
  if (!parsed.success) return [];
  const { customer, currency, lines } = parsed.data;
  const total = lines.reduce((sum, { amount }) => sum + amount, 0);
  return [
    `${moneyText(total, currency)} to ${customer}`,
    ...lines.map((line) => `${moneyText(line.amount, line.currency ?? currency)}: ${line.description}`),
  ];
}
