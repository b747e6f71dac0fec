import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';

/** What there is at a path that names a program. */
export async function lookAtProgram(path: string): Promise<'executable' | 'not executable' | 'missing'> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return 'missing';
  if (!found.isFile()) return 'not executable';
  return access(path, constants.X_OK).then(
    () => 'executable' as const,
    () => 'not executable' as const,
  );
}

/** Whether a bare name would be found. @param cwd where relative folders of the search path start */
export async function isOnPath(program: string, searchPath: string, cwd: string): Promise<boolean> {
  for (const folder of searchPath.split(':')) {
    const path = isAbsolute(folder) ? join(folder, program) : resolve(cwd, folder, program);
    if ((await lookAtProgram(path)) === 'executable') return true;
  }
  return false;
}
