import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../../../identity/canonical-json.js';
import type { BodyRequest, Placed } from '../publisher.js';

const metadataSchema = z.record(z.string(), z.string()).nullish();

export const invoiceSchema = z.object({
  id: z.string().min(1),
  status: z.string().nullable(),
  customer: z.string().nullable(),
  currency: z.string(),
  total: z.number(),
  created: z.number(),
  description: z.string().nullish(),
  footer: z.string().nullish(),
  collection_method: z.string(),
  livemode: z.boolean(),
  metadata: metadataSchema,
});
export type Invoice = z.infer<typeof invoiceSchema>;

export const itemSchema = z.object({
  id: z.string().min(1),
  amount: z.number(),
  metadata: metadataSchema,
});
export type Item = z.infer<typeof itemSchema>;

/** Names of our mark in `metadata`. */
const MARK = {
  key: 'nightshift_key',
  revision: 'nightshift_revision',
  fingerprint: 'nightshift_fingerprint',
  sha256: 'nightshift_sha256',
  line: 'nightshift_line',
  unpublished: 'nightshift_unpublished',
} as const;

export const markOf = ({
  effectKey,
  revision,
  fingerprint,
  sha256,
}: BodyRequest): Record<string, string> => ({
  [MARK.key]: effectKey,
  [MARK.revision]: String(revision),
  [MARK.fingerprint]: fingerprint,
  [MARK.sha256]: sha256,
});

export const lineMarkOf = (effectKey: string, line: number): Record<string, string> => ({
  [MARK.key]: effectKey,
  [MARK.line]: String(line),
});

export const isOurs = ({ metadata }: Invoice, effectKey: string): boolean =>
  metadata?.[MARK.key] === effectKey;

/** Which of our lines an item is; undefined for one of somebody else. */
export function lineOf({ metadata }: Item, effectKey: string): number | undefined {
  const line = metadata?.[MARK.line];
  return metadata?.[MARK.key] === effectKey && line !== undefined ? Number(line) : undefined;
}

export const revisionOf = ({ metadata }: Invoice): number | undefined => {
  const revision = Number(metadata?.[MARK.revision]);
  return Number.isInteger(revision) ? revision : undefined;
};

/** Set before we void an invoice: then the void is ours, and not a person's. */
export const unpublishedMark = { [MARK.unpublished]: 'true' };

export const isUnpublished = ({ status, metadata }: Invoice): boolean =>
  status === 'void' && metadata?.[MARK.unpublished] === 'true';

export const isDraft = ({ status }: Invoice): boolean => status === 'draft';

/** For the operator: the customer's own page of an invoice can be paid by whoever has its address. */
export const dashboardUrl = ({ id, livemode }: Pick<Invoice, 'id' | 'livemode'>): string =>
  `https://dashboard.stripe.com/${livemode ? '' : 'test/'}invoices/${encodeURIComponent(id)}`;

export function placedAs(invoice: Invoice): Placed {
  const { id, customer, currency, total, metadata } = invoice;
  const { description = null, footer = null, collection_method: collection } = invoice;
  const content = { customer, currency, total, description, footer, collection };
  const revision = revisionOf(invoice);
  const fingerprint = metadata?.[MARK.fingerprint];
  return {
    id,
    url: dashboardUrl(invoice),
    sha256: createHash('sha256').update(canonicalJson(content)).digest('hex'),
    ...(revision !== undefined && { revision }),
    ...(fingerprint !== undefined && { fingerprint }),
    visible: !isDraft(invoice),
  };
}
