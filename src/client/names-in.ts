import { readdir } from 'node:fs/promises';
import { systemCode } from '../contract/thrown.js';

/** What is in a folder, sorted; nothing where there is no such folder, for nothing was ever put into it. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
