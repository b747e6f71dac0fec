import { AdapterError } from '../../../contract/errors.js';
import type { ProbeFinding, PublisherContext } from '../publisher.js';
import { stripeApi, type StripeApi } from './api.js';
import type { StripeOptions } from './options.js';

/** Sign-in, the rights to look, the customer, and how much the key may do. Changes nothing. */
export async function probeStripe(
  options: StripeOptions,
  context: PublisherContext,
): Promise<ProbeFinding[]> {
  const api = stripeApi(options, context);
  const invoices = await finding(async () => {
    await api.oneInvoice();
    return { status: 'ok', detail: 'signed in, and may list invoices' };
  });
  if (invoices.status === 'fail') return [invoices];
  return [invoices, await finding(() => customerFinding(api, options.customer)), keyFinding(options.apiKey)];
}

async function finding(look: () => Promise<ProbeFinding>): Promise<ProbeFinding> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof AdapterError) return { status: 'fail', detail: error.message };
    throw error;
  }
}

async function customerFinding(api: StripeApi, id: string): Promise<ProbeFinding> {
  const { deleted = false } = await api.customer(id);
  if (!deleted) return { status: 'ok', detail: `the customer ${id} is there` };
  return { status: 'fail', detail: `the customer ${id} was deleted`, fix: 'name another customer' };
}

function keyFinding(apiKey: string): ProbeFinding {
  const mode = apiKey.includes('_live_') ? 'live' : 'test';
  if (apiKey.startsWith('rk_')) return { status: 'ok', detail: `a restricted key, ${mode} mode` };
  return {
    status: 'warn',
    detail: `an unrestricted secret key, ${mode} mode: it may do everything that the account may`,
    fix: 'make a restricted key with Customers read and Invoices write',
  };
}
