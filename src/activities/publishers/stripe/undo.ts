import { AdapterError } from '../../../contract/errors.js';
import type { Receipt } from '../../../contract/receipt.js';
import { windowKey } from '../http/window-key.js';
import type { EffectRequest, Placed } from '../publisher.js';
import type { StripeApi } from './api.js';
import { dashboardUrl, isDraft, isOurs, placedAs, unpublishedMark } from './invoice.js';

/** Deletes a draft of ours; what was issued stays. */
export async function discardDraft(
  api: StripeApi,
  { id }: Placed,
  { effectKey }: EffectRequest,
): Promise<void> {
  const invoice = await api.invoice(id);
  if (!invoice) return;
  if (!isOurs(invoice, effectKey) || !isDraft(invoice))
    throw new AdapterError('conflict', `${dashboardUrl(invoice)} is no draft of this effect, so it stays`, {
      sent: 'no',
    });
  await api.deleteDraft(id);
}

/**
 * Takes an invoice back: a draft is deleted, an issued one is voided. A paid one needs a credit note or a refund, which
 * is a person's to decide.
 */
export async function takeBack(
  api: StripeApi,
  { effectKey }: EffectRequest,
  { id, sha256, revision }: Receipt,
): Promise<void> {
  const invoice = await api.invoice(id);
  if (!invoice || invoice.status === 'void') return;
  const conflict = (why: string) =>
    new AdapterError('conflict', `${dashboardUrl(invoice)} ${why}`, { sent: 'no' });
  if (!isOurs(invoice, effectKey)) throw conflict('is not of this effect any more');
  if (invoice.status === 'paid') throw conflict('is paid; issue a credit note or a refund at Stripe');
  if (placedAs(invoice).sha256 !== sha256)
    throw conflict('was changed since it was issued; look at it first');
  if (isDraft(invoice)) return api.deleteDraft(id);
  const path = `/v1/invoices/${encodeURIComponent(id)}`;
  const marked = await api.post(
    path,
    { metadata: unpublishedMark },
    windowKey(effectKey, revision, `unpublish-${id}`),
  );
  if (marked.status !== 200) throw api.refused(marked, path);
  const answer = await api.post(`${path}/void`, {}, windowKey(effectKey, revision, `void-${id}`));
  if (answer.status === 200) return;
  if ((await api.invoice(id))?.status !== 'void') throw api.refused(answer, `${path}/void`);
}
