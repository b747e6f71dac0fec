import { z } from 'zod';
import { durationSchema } from '../../../contract/batch-file.js';
import { ERROR_CLASSES } from '../../../contract/errors.js';
import type { PriceTable, TokenPrice } from './price-table.js';

const MICROS = 1_000_000;

/** US dollars as an operator writes them, as whole micro-units. */
export const microsOf = (usd: number): number => Math.round(usd * MICROS);

const usd = z.number().nonnegative().max(1_000_000);

/** A key by reference only: what stands in a batch file is stored with the batch. */
export const keyOption = (variable: string) =>
  z
    .string()
    .regex(
      /^\$\{env:[A-Za-z_][A-Za-z0-9_]*\}$/,
      'must be a reference such as "${env:NAME}", not the key itself',
    )
    .default(`\${env:${variable}}`)
    .describe('API key, by reference');

export const baseUrlOption = (url: string) =>
  z
    .url({ protocol: /^https?$/ })
    .refine((text) => new URL(text).username === '' && new URL(text).search === '', {
      message: 'may have no user part and no query',
    })
    .default(url)
    .describe('for a proxy or a test server');

const settleTime = (length: string, what: string) => durationSchema.default(length).describe(what);

/** Prices that an operator gives, in US dollars per million tokens. */
export const pricesSchema = z.strictObject({
  input: usd,
  output: usd,
  cached: usd,
  cacheWrite: usd.optional(),
  date: z.iso.date().optional().describe('day on which these prices were read; shown beside costs'),
});

type Prices = z.infer<typeof pricesSchema>;

/** Options that every provider of managed agents has. */
export const managedOptions = {
  output: z
    .enum(['file', 'text'])
    .default('file')
    .describe('the artifact: a file that the agent writes, with size and hash, or its last message'),
  file: z
    .string()
    .regex(/^[\w.-]+(\/[\w.-]+)*$/, 'must be a plain relative path')
    .refine((path) => !path.split('/').some((part) => /^\.+$/.test(part)), { message: 'may not have ".."' })
    .default('article.md')
    .describe('name of the file that the agent writes'),
  requestTimeout: settleTime('60s', 'longest wait for one answer'),
  pollInterval: durationSchema
    .optional()
    .describe('time between two looks at a session, instead of 5 s, later 15 s and 30 s'),
  downloadTimeout: settleTime('10m', 'longest that reading one file may take'),
  cancelWait: settleTime('30s', 'longest wait for a cancelled session to stop'),
  maxThrottle: settleTime('15m', 'a longer wait asked for counts as an exhausted quota'),
  unknownStartWait: settleTime('10m', 'how long signs of a start without an answer are waited for'),
  onUnknownStart: z
    .enum(['restart', 'hold'])
    .default('restart')
    .describe('what follows when there are none; always "hold" for an agent with outward: true'),
  reserve: usd
    .default(5)
    .describe('US dollars booked as an estimate for a session whose cost can’t be learnt'),
  prices: pricesSchema
    .optional()
    .describe('US dollars per million tokens, instead of the built-in price tables'),
  extraErrorCodes: z
    .record(z.string().min(1), z.enum(ERROR_CLASSES))
    .default({})
    .describe('error codes of the service that this version does not know, and their class'),
};

export type ManagedOptions = z.infer<z.ZodObject<typeof managedOptions>>;

/** Prices that nobody can tell the age of. Not refused: batches that are under way were begun with such. */
export const undatedPrices = (prices: Prices | undefined): string[] =>
  prices === undefined || prices.date !== undefined
    ? []
    : [
        'agent.with.prices has no date: nobody sees from a cost how old its prices are; give the day they were read',
      ];

/** The operator's own prices as a table, named after where they are from. */
export function ownTable(
  prices: Prices | undefined,
): Pick<PriceTable, 'id' | 'readOn' | 'price'> | undefined {
  if (prices === undefined) return undefined;
  const { input, output, cached, cacheWrite, date = '' } = prices;
  const price: TokenPrice = {
    input: microsOf(input),
    output: microsOf(output),
    cached: microsOf(cached),
    ...(cacheWrite !== undefined && { cacheWrite: microsOf(cacheWrite) }),
  };
  return { id: 'batch-file', readOn: date, price };
}
