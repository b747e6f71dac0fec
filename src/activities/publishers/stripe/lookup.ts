import { durationMs } from '../../../contract/batch-file.js';
import type { EffectRequest, FoundEffect, PublisherContext } from '../publisher.js';
import type { StripeApi } from './api.js';
import {
  dashboardUrl,
  isDraft,
  isOurs,
  isUnpublished,
  placedAs,
  revisionOf,
  type Invoice,
} from './invoice.js';
import { mismatch } from './mismatch.js';
import type { StripeOptions } from './options.js';

/** Looks through the customer's invoices for ours, in every state. Deleted drafts are in no list. */
export async function findInvoice(
  options: StripeOptions,
  api: StripeApi,
  request: EffectRequest,
  context: PublisherContext,
): Promise<FoundEffect> {
  const since = new Date(context.now().getTime() - durationMs(options.lookBack));
  const ours = new Map<string, Invoice>();
  for await (const invoice of api.invoicesSince(options.customer, since))
    if (isOurs(invoice, request.effectKey)) ours.set(invoice.id, invoice);
  const { receipt } = request;
  if (receipt?.id.startsWith('in_') && !ours.has(receipt.id)) {
    const known = await api.invoice(receipt.id);
    if (known && isOurs(known, request.effectKey)) ours.set(known.id, known);
  }
  return judge(options, request, [...ours.values()].sort(byAge));
}

const byAge = (a: Invoice, b: Invoice): number => a.created - b.created || (a.id < b.id ? -1 : 1);

/** What our invoices, oldest first, come to. */
export function judge(options: StripeOptions, request: EffectRequest, ours: readonly Invoice[]): FoundEffect {
  const drafts = ours.filter(isDraft);
  const [issued, second] = ours.filter((invoice) => !isDraft(invoice) && invoice.status !== 'void');
  if (issued && second) {
    const why = `${issued.id} and ${second.id} were both issued for this effect; void one of them`;
    return { kind: 'theirs', location: dashboardUrl(second), why, ...extras(drafts) };
  }
  if (issued) {
    const isCurrent = revisionOf(issued) === request.revision;
    const why = isCurrent ? mismatch(options, issued) : undefined;
    if (why !== undefined)
      return {
        kind: 'theirs',
        location: dashboardUrl(issued),
        why: `was issued, but ${why}`,
        ...extras(drafts),
      };
    return { kind: 'ours', placed: placedAs(issued), ...extras(drafts) };
  }
  const voided = ours.find((invoice) => invoice.status === 'void' && !isUnpublished(invoice));
  if (voided)
    return { kind: 'removed', location: dashboardUrl(voided), why: 'was voided', ...extras(drafts) };

  // Nobody has seen a draft, so one of an older revision is simply made anew.
  const [winner, ...others] = drafts.filter((draft) => (revisionOf(draft) ?? 0) >= request.revision);
  const old = drafts.filter((draft) => (revisionOf(draft) ?? 0) < request.revision);
  if (!winner) return { kind: 'absent', ...extras(old) };
  return { kind: 'ours', placed: placedAs(winner), ...extras([...others, ...old]) };
}

const extras = (drafts: readonly Invoice[]) => (drafts.length > 0 ? { extras: drafts.map(placedAs) } : {});
