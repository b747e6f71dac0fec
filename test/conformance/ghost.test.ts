import { folderOfServer } from '../support/servers/loopback-process.js';
import { LONG_CHECKS, provesItself } from './proves-itself.js';
import { ghostSubject } from './subjects/ghost.js';

const folder = await folderOfServer('ghost');
provesItself(folder === undefined ? undefined : ghostSubject(folder), 'ghost', LONG_CHECKS);
