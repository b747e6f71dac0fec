import type { ClosedService } from '../policy/alerts.js';
import { reasonOf } from '../policy/limits/breaker.js';
import { localTimesIn } from './format.js';
import { safeText } from './safe-text.js';

/** `claude: the service fails too often; next look at …: what it said`. */
export const closedText = ({ subject, cause, retryAtMs, why }: ClosedService): string =>
  safeText(`${subject}: ${localTimesIn(reasonOf({ cause, retryAt: retryAtMs, why }))}`);
