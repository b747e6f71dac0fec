import { isAbsolute } from 'node:path';
import { AdapterError } from './contract/errors.js';
import { isFolder } from './is-folder.js';

/**
 * A path that starts at the folder of the batch file needs that folder, which may have been moved or removed since the
 * batch was started.
 * @param what that path, for the message
 * @throws AdapterError `config`
 */
export async function assertFolderThere(what: string, path: string, baseDir: string): Promise<void> {
  if (isAbsolute(path) || (await isFolder(baseDir))) return;
  throw new AdapterError(
    'config',
    `${what} starts at the folder of the batch file, which is not there [folder=${baseDir}]; ` +
      'was it moved? Start the batch from its file where that is now, or move it back',
    { sent: 'no' },
  );
}
