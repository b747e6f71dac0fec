import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../../../contract/thrown.js';
import type { ProbeFinding } from '../publisher.js';

/** Whether files could be put into a folder, or the folder be made. Writes nothing. */
export async function probeFolder(root: string): Promise<ProbeFinding[]> {
  const existing = await nearestExisting(root);
  if (!(await stat(existing)).isDirectory()) {
    return [
      { status: 'fail', detail: `${existing} is no folder`, fix: 'name another target, or move that file' },
    ];
  }
  try {
    await access(existing, constants.W_OK | constants.X_OK);
  } catch {
    return [{ status: 'fail', detail: `${existing} can’t be written to`, fix: `chown or chmod ${existing}` }];
  }
  return [{ status: 'ok', detail: existing === root ? root : `${root}, to be made in ${existing}` }];
}

async function nearestExisting(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    const parent = dirname(path);
    if (parent === path || (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR')) throw error;
    return nearestExisting(parent);
  }
}
