import { z } from 'zod';
import type { AdapterError } from '../../../contract/errors.js';
import { jsonOf, type HttpAnswer, type HttpRequest } from '../../http/request.js';
import { refusalByWord, rejected, type Meaning } from '../http/meanings.js';

const BAD_KEY = rejected('auth', 'check with.apiKey');
const BAD_SENDER = rejected('config', 'send from an address of a domain that is verified at Resend');

/**
 * Resend's errors by name. Those that occur with two statuses are told apart by the status.
 * Source: Resend API reference, "Errors", and "Idempotency keys", 2026-11.
 */
export const RESEND_ERRORS: Readonly<Record<string, Meaning>> = {
  invalid_idempotency_key: rejected('bug'),
  validation_error: rejected('invalid'),
  '403 validation_error': BAD_SENDER,
  missing_api_key: BAD_KEY,
  restricted_api_key: rejected(
    'auth',
    'this API key may only send; give it full access, or set with.scan to false, which holds mails without an answer after a day',
  ),
  invalid_api_key: BAD_KEY,
  not_found: rejected('config', 'check with.url'),
  method_not_allowed: rejected('config', 'check with.url'),
  invalid_idempotent_request: {
    errorClass: 'conflict',
    sent: 'maybe',
    fix: 'this mail was sent before with another content; look at it, and raise the revision of the job to send the new one',
  },
  concurrent_idempotent_requests: { errorClass: 'transient', sent: 'maybe' },
  invalid_attachment: rejected('invalid'),
  invalid_from_address: BAD_SENDER,
  invalid_access: BAD_KEY,
  invalid_parameter: rejected('invalid'),
  invalid_region: rejected('config'),
  missing_required_field: rejected('invalid'),
  monthly_quota_exceeded: rejected('exhausted', 'raise the plan, or wait for the next month'),
  daily_quota_exceeded: rejected('exhausted', 'raise the plan, or wait for the next day'),
  rate_limit_exceeded: rejected('throttled'),
  security_error: rejected('invalid'),
  application_error: { errorClass: 'unknown', sent: 'maybe' },
  internal_server_error: { errorClass: 'unknown', sent: 'maybe' },
};

/** What an answer other than 200 means. The facts' `code` is status and name. */
export function resendRefusal(
  answer: HttpAnswer,
  request: Pick<HttpRequest, 'method' | 'url'>,
  secrets: readonly string[],
): AdapterError {
  const name = z.object({ name: z.string().max(64) }).safeParse(jsonOf(answer)).data?.name ?? '';
  return refusalByWord(RESEND_ERRORS, [`${answer.status} ${name}`, name], {
    answer,
    request,
    secrets,
    word: name,
  });
}
