import { AdapterError } from '../../../contract/errors.js';
import type { ProbeFinding, PublisherContext } from '../publisher.js';
import { resendApi } from './api.js';
import { addressOf } from './mailbox.js';
import type { ResendOptions } from './options.js';

/** Sign-in, right to look, and the sender's domain. Sends nothing. */
export async function probeResend(
  options: ResendOptions,
  context: PublisherContext,
): Promise<ProbeFinding[]> {
  try {
    const { data } = await resendApi(options, context).domains();
    return [
      { status: 'ok', detail: 'signed in, and may look at what was sent' },
      domainFinding(options, data),
    ];
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    return [failure(options, error)];
  }
}

function domainFinding(
  { from }: ResendOptions,
  domains: readonly { readonly name: string; readonly status: string }[],
): ProbeFinding {
  const domain = addressOf(from).split('@')[1] ?? '';
  const found = domains.find(({ name }) => name.toLowerCase() === domain);
  if (found?.status === 'verified') return { status: 'ok', detail: `${domain} is verified` };
  // The list is paged, and Resend's own test domain is not in it.
  if (!found)
    return {
      status: 'warn',
      detail: `${domain} is not among the domains listed`,
      fix: `add ${domain} at resend.com/domains`,
    };
  return {
    status: 'fail',
    detail: `${domain} is not verified (${found.status})`,
    fix: 'finish its DNS records',
  };
}

function failure({ scan }: ResendOptions, { message, facts }: AdapterError): ProbeFinding {
  if (facts.code === '401 restricted_api_key' && !scan)
    return {
      status: 'warn',
      detail: 'the API key may only send: a mail without an answer is held a day later',
    };
  return { status: 'fail', detail: message };
}
