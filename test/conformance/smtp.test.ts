import { provesItself } from './proves-itself.js';
import { smtpSubject } from './subjects/smtp.js';

provesItself(smtpSubject);
