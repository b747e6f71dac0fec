import { stat } from 'node:fs/promises';
import { systemCode } from './contract/thrown.js';

/** False where nothing is there, or something else. @throws an error of the system where that can't be seen */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return false;
    throw error;
  }
}
