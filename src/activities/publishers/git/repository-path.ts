import { pathFault } from '../folder/safe-path.js';

/** Where hosts look for what they run: a file there is a program with the repository's secrets. */
const RUN_BY_HOSTS = [
  '.github/workflows',
  '.github/actions',
  '.gitea/workflows',
  '.forgejo/workflows',
  '.gitlab-ci.yml',
  '.circleci',
  '.woodpecker',
  '.woodpecker.yml',
];

/**
 * What is wrong with a path inside a repository, in words that go on after it; undefined when nothing is. Paths come
 * from templates over fields of jobs, so they are taken for hostile: also spellings that only some file system of
 * somebody who checks the branch out would take for `.git` are refused.
 */
export function repositoryPathFault(path: string, allowWorkflows: boolean): string | undefined {
  const fault = pathFault(path);
  if (fault !== undefined) return fault.replace('inside target', 'inside the repository');
  const parts = path.split('/').map(asAnyFileSystemReads);
  if (parts.some(isGitFolder)) return 'has the part ".git", which belongs to git';
  if (parts.some((part) => part === '.gitmodules'))
    return 'has the part ".gitmodules", which makes git fetch and run';
  if (allowWorkflows) return undefined;
  const whole = parts.join('/');
  const run = RUN_BY_HOSTS.find((prefix) => whole === prefix || whole.startsWith(`${prefix}/`));
  return run === undefined
    ? undefined
    : `is in ${run}, whose files the host runs; allow it with allowWorkflows: true`;
}

/**
 * HFS+ skips characters that can't be seen, NTFS has streams behind ":" and drops dots and spaces at the end, and both
 * take upper for lower case. Source: is_hfs_dotgit and is_ntfs_dotgit in git's path.c and utf8.c.
 */
const asAnyFileSystemReads = (part: string): string =>
  part
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Mn}]/gu, '')
    .toLowerCase()
    .replace(/:.*$/u, '')
    .replace(/[. ]+$/u, '');

const isGitFolder = (part: string): boolean => part === '.git' || part === 'git~1';
