import { provesItself } from './proves-itself.js';
import {
  httpWithKey,
  httpWithLookup,
  httpWithNothing,
  resendSubject,
  stripeSubject,
} from './subjects/services.js';

for (const subject of [httpWithLookup, resendSubject, stripeSubject]) provesItself(subject);
// Of the publisher `http`, one that can look up is killed at every point; these two differ in what is asked before.
for (const subject of [httpWithKey, httpWithNothing]) provesItself(subject, subject.name, ['kill']);
