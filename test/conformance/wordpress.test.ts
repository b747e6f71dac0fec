import { folderOfServer } from '../support/servers/loopback-process.js';
import { LONG_CHECKS, provesItself } from './proves-itself.js';
import { wordpressSubject } from './subjects/wordpress.js';

const folder = await folderOfServer('wordpress');
provesItself(folder === undefined ? undefined : wordpressSubject(folder), 'wordpress', LONG_CHECKS);
