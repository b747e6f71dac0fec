import { LONG_KILLS, provesItself } from './proves-itself.js';
import {
  httpByName,
  httpWithKey,
  httpWithLookup,
  httpWithNothing,
  resendSubject,
  stripeSubject,
} from './subjects/services.js';

provesItself(httpWithLookup);
for (const subject of [httpByName, httpWithKey, httpWithNothing, resendSubject, stripeSubject])
  provesItself(subject, subject.name, LONG_KILLS);
