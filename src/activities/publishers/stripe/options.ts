import { z } from 'zod';
import { durationSchema } from '../../../contract/batch-file.js';
import { secretSchema } from '../../../contract/secret.js';
import { checkKeyWindow, siteSchema, yesOrNoSchema } from '../option-schemas.js';

/** All lines are listed in one page. */
const LINES_MAX = 100;

/** Smallest units of the currency, such as cents; texts too, because that is what templates give. Never a fraction. */
const amountSchema = z
  .union([
    z.int(),
    z
      .string()
      .regex(/^\d{1,12}$/, 'must be a whole number of the smallest unit, such as 1250')
      .transform(Number),
  ])
  .refine((amount) => amount >= 1 && amount <= 99_999_999_999, 'must be between 1 and 99999999999');

export const currencySchema = z
  .string()
  .regex(/^[A-Za-z]{3}$/, 'must be a currency of three letters, such as eur')
  .transform((text) => text.toLowerCase());

const lineSchema = z.strictObject({
  description: z.string().min(1).max(500).describe('as the customer reads it'),
  amount: amountSchema.describe('of the whole line, in the smallest unit of the currency'),
  currency: currencySchema.optional().describe('where a job says it; must be that of the invoice'),
});

const linesSchema = z.array(lineSchema).min(1).max(LINES_MAX);

/** A list, or its JSON text: `lines: "{{ lines | json }}"` takes the lines of a job. */
export const linesOrTextSchema = z.union([
  linesSchema,
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'is no JSON; write {{ lines | json }}' });
        return z.NEVER;
      }
    })
    .pipe(linesSchema),
]);

const apiUrlSchema = siteSchema.transform((text) => text.replace(/\/+$/, ''));

export const stripeOptionsSchema = z
  .strictObject({
    apiKey: secretSchema
      .regex(
        /^[sr]k_(test|live)_[A-Za-z0-9_]+$/,
        'must be a secret or restricted key, such as ${env:STRIPE_KEY}',
      )
      .describe('of Stripe; a reference to a secret, best a restricted key'),
    customer: z
      .string()
      .regex(/^cus_\w+$/, 'must be the id of a customer, such as cus_NffrFeUfNV2Hib')
      .describe('who is billed; from the job or the batch file, never from the artifact'),
    currency: currencySchema.describe('the only one that may be billed'),
    lines: linesOrTextSchema.describe(
      'what is billed; from the job or the batch file, never from the artifact',
    ),
    maxAmount: amountSchema.describe('a total above it is refused before anything is sent'),
    description: z.string().max(1500).optional().describe('memo on the invoice, such as {{ artifact }}'),
    footer: z.string().max(5000).optional().describe('at the end of the invoice'),
    collection: z
      .enum(['send_invoice', 'charge_automatically'])
      .default('send_invoice')
      .describe('how it is paid'),
    daysUntilDue: z.coerce.number().int().min(0).max(3650).default(30).describe('for send_invoice'),
    send: yesOrNoSchema
      .default(false)
      .describe('once issued, let Stripe mail the invoice, or charge the customer, as collection says'),
    lookBack: durationSchema.default('400d').describe('how old an invoice of ours can be that is looked for'),
    url: apiUrlSchema.default('https://api.stripe.com').describe('of the API'),
    keyWindow: durationSchema.default('24h').describe('how long Stripe remembers a key'),
    timeout: durationSchema.default('60s').describe('for one request'),
  })
  .superRefine(checkKeyWindow);

export type StripeOptions = z.output<typeof stripeOptionsSchema>;
