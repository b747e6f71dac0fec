/** What an error of the file system means, in words that stand behind a path; undefined for any other error. */
export function fileErrorWords(error: unknown): string | undefined {
  const { code, syscall } = error as Partial<NodeJS.ErrnoException>;
  return code === undefined || syscall === undefined ? undefined : FILE_ERRORS[code];
}

const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file: a part of its path is no folder',
  EISDIR: 'is a folder, not a file',
  EACCES: 'may not be used by this user',
  EPERM: 'may not be used by this user',
  EEXIST: 'is there already',
  EROFS: 'is on a file system that takes no writes',
  ENOSPC: 'no room is left there',
  EDQUOT: 'the quota of this user is used up there',
  ELOOP: 'is a link that leads in circles',
  ENAMETOOLONG: 'has too long a name',
};
