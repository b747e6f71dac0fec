import { stat } from 'node:fs/promises';
import { AdapterError } from './contract/errors.js';
import { systemCode } from './contract/thrown.js';

/**
 * A path starts at the folder of the batch file, and that was moved or removed since the batch was started.
 * @param what that path
 */
export const folderGone = (what: string, baseDir: string): AdapterError =>
  new AdapterError(
    'config',
    `${what} starts at the folder of the batch file, which is not there [folder=${baseDir}]; ` +
      'was it moved? Start the batch from its file where that is now, or move it back',
    { sent: 'no' },
  );

export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return false;
    throw error;
  }
}
