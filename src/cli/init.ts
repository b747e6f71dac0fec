import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../contract/errors.js';
import { ExitCode } from './exit-codes.js';
import { INIT_FILES } from './init-files.js';
import type { Shell } from './shell.js';

/** `nightshift init [DIR]`: a first batch that runs as it is. All files or none, and nothing is overwritten. */
export async function init(dir = '.', _flags: object, shell: Shell): Promise<ExitCode> {
  const { out, flags } = shell;
  const files = INIT_FILES.map(({ name, text }) => ({ path: join(dir, name), text }));
  const found = await Promise.all(files.map(async (file) => ({ ...file, present: await textAt(file.path) })));
  const others = found.filter(({ present, text }) => present !== undefined && present !== text);
  if (others.length > 0) {
    throw new UsageError(
      `${others.map(({ path }) => path).join(', ')} ${others.length === 1 ? 'is' : 'are'} there already; ` +
        `nothing was written. Choose another folder: ${shell.command('init', 'my-batch')}`,
    );
  }
  await mkdir(dir, { recursive: true });
  const missing = found.filter(({ present }) => present === undefined);
  for (const { path, text } of missing) await writeFile(path, text, { flag: 'wx' });

  const next = shell.command('run', join(dir, 'batch.yaml'));
  if (flags.json) {
    out.json({ written: missing.map(({ path }) => path), next });
  } else {
    for (const { path, present } of found) out.result(`${present === undefined ? 'wrote' : 'kept '} ${path}`);
    out.result(`next: ${next}`);
  }
  return ExitCode.done;
}

async function textAt(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
