import { motoFolder } from '../support/servers/s3.js';
import { LONG_KILLS, provesItself } from './proves-itself.js';
import { s3Subject } from './subjects/s3.js';

const folder = await motoFolder();
provesItself(folder === undefined ? undefined : s3Subject(folder), 's3', LONG_KILLS);
