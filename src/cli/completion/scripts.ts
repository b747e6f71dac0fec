import { readFile } from 'node:fs/promises';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type ShellName = (typeof SHELLS)[number];

export const isShellName = (name: string): name is ShellName => SHELLS.some((shell) => shell === name);

/** What the shell is to read. */
export const scriptFor = (shell: ShellName): Promise<string> =>
  readFile(new URL(`../../../completions/nightshift.${shell}`, import.meta.url), 'utf8');
