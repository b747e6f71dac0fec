import { execFileSync } from 'node:child_process';
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { tempDir } from './batch.js';

/** A file system of its own, in memory: only root may mount one. @returns its folder */
export function smallDisk(mib: number): string {
  const folder = tempDir('nightshift-disk-');
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', folder], { stdio: 'pipe' });
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' }); // a process of the test may still be at work there
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Leaves no room on it. @returns the file that takes it all */
export function filled(disk: string): string {
  const file = join(disk, 'fill');
  expect(() => {
    for (;;) appendFileSync(file, Buffer.alloc(4096));
  }).toThrow(/ENOSPC/);
  return file;
}

let found: boolean | undefined;

/** Whether this host lets the tests mount one. */
export function hasSmallDisks(): boolean {
  return (found ??= tryMount());
}

function tryMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const folder = tempDir('nightshift-disk-');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'pipe' });
    execFileSync('umount', [folder], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
