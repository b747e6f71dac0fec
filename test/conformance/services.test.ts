import { provesItself } from './proves-itself.js';
import {
  httpByName,
  httpWithKey,
  httpWithLookup,
  httpWithNothing,
  resendSubject,
  stripeSubject,
} from './subjects/services.js';

for (const subject of [httpWithLookup, resendSubject, stripeSubject]) provesItself(subject);
// Of the publisher `http`, one that can look up is killed at every point; these differ in what is asked before.
for (const subject of [httpByName, httpWithKey, httpWithNothing])
  provesItself(subject, subject.name, ['kill']);
