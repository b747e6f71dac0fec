import type { FaultHit } from '../faults/rules.js';
import type { Reply } from '../http/call.js';
import { waitHeaders } from '../http/wait-hints.js';
import { errorReply } from './errors.js';

/** What the managed-agents API answers when this fault strikes. */
export function anthropicFault(hit: FaultHit, callersMs: number, nowReal: Date): Reply {
  switch (hit.do) {
    case 'throttle':
      return errorReply(
        429,
        'rate_limit_error',
        'This request would exceed your rate limit.',
        hit.form === 'ramp' ? 'ramp_limit_exceeded' : undefined,
        waitHeaders('seconds', callersMs, nowReal),
      );
    case 'server-error':
      return hit.form === '529'
        ? errorReply(529, 'overloaded_error', 'Overloaded')
        : errorReply(500, 'api_error', 'Internal server error');
    case 'spend-cap':
      return hit.form === '402'
        ? errorReply(402, 'billing_error', 'Your credit balance is too low.')
        : errorReply(
            429,
            'rate_limit_error',
            'Your organization has reached its monthly spend limit.',
            'enforced_spend_limit_reached',
          );
    case 'auth':
      return authError(hit.form);
    default:
      return errorReply(500, 'api_error', `${hit.do} has no reply of its own`);
  }
}

function authError(form: string): Reply {
  switch (form) {
    case '402':
      return errorReply(402, 'billing_error', 'Your credit balance is too low.');
    case '403':
      return errorReply(403, 'permission_error', 'This API key may not use this resource.');
    default:
      return errorReply(401, 'authentication_error', 'invalid x-api-key');
  }
}
