import { LONG_KILLS, provesItself } from './proves-itself.js';
import { smtpSubject } from './subjects/smtp.js';

provesItself(smtpSubject, smtpSubject.name, LONG_KILLS);
