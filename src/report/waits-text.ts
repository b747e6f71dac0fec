import type { ClosedService } from '../policy/closed-service.js';
import { reasonOf } from '../policy/limits/breaker.js';
import { fullText, type WaitsFor } from '../policy/waits.js';
import { localTimesIn, plural } from './format.js';
import { safeText } from './safe-text.js';

/**
 * `claude: the service fails too often; next look at …: what it said`; `the budget (4 jobs): budget.perDay is used up until …`;
 * `room on the disk: …`.
 */
export const waitsText = (waits: WaitsFor): string => safeText(textOf(waits));

function textOf(waits: WaitsFor): string {
  switch (waits.kind) {
    case 'service':
      return `${waits.subject}: ${closedText(waits)}`;
    case 'budget':
      return `the budget (${plural(waits.jobs, 'job')}): ${localTimesIn(waits.why)}`;
    case 'room':
      return `room on the disk: ${fullText(waits.dir)}`;
  }
}

/** Why a service is closed, and when it is looked at again. */
export const closedText = (service: ClosedService, timeZone?: string): string =>
  localTimesIn(reasonOf({ ...service, retryAt: service.retryAtMs }), timeZone);
