import { azuriteFolder } from '../support/servers/azurite.js';
import { LONG_KILLS, provesItself } from './proves-itself.js';
import { azureBlobSubject } from './subjects/azure-blob.js';

const folder = await azuriteFolder();
provesItself(folder === undefined ? undefined : azureBlobSubject(folder), 'azure-blob', LONG_KILLS);
