import { hasPostgres } from '../support/servers/postgres.js';
import { provesItself } from './proves-itself.js';
import { postgresSubject } from './subjects/postgres.js';

provesItself(hasPostgres() ? postgresSubject : undefined, 'postgres');
