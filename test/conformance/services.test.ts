import { provesItself } from './proves-itself.js';
import {
  httpWithKey,
  httpWithLookup,
  httpWithNothing,
  resendSubject,
  stripeSubject,
} from './subjects/services.js';

for (const subject of [httpWithLookup, httpWithKey, httpWithNothing, resendSubject, stripeSubject]) {
  provesItself(subject);
}
