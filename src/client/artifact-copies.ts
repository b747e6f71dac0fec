import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { folderArtifactStore } from '../artifacts/folder-store.js';
import { namesIn } from './names-in.js';

export interface ArtifactCopies {
  readonly copied: number;
  /** There already; artifacts are named by their content, so the same name is the same artifact. */
  readonly present: number;
  /** Hashes of artifacts whose bytes are not what their name says. They are not copied. */
  readonly damaged: readonly string[];
}

/**
 * Copies the artifacts that `to` lacks. Any number of backups may share one folder, and a copy that was cut short is
 * finished by the next.
 */
export async function copyArtifacts(from: string, to: string): Promise<ArtifactCopies> {
  const target = folderArtifactStore({ root: to });
  let copied = 0;
  let present = 0;
  const damaged: string[] = [];
  for await (const { sha256, path } of artifactsIn(from)) {
    if (await target.has(sha256)) {
      present += 1;
      continue;
    }
    const stored = await target.put(createReadStream(path));
    if (stored.sha256 === sha256) copied += 1;
    else damaged.push(sha256);
  }
  return { copied, present, damaged };
}

/** As `folder-store.ts` lays them out. */
async function* artifactsIn(
  root: string,
): AsyncGenerator<{ readonly sha256: string; readonly path: string }> {
  const folder = join(root, 'sha256');
  for (const start of await namesIn(folder)) {
    for (const rest of await namesIn(join(folder, start))) {
      if (/^[0-9a-f]{64}$/.test(start + rest))
        yield { sha256: start + rest, path: join(folder, start, rest) };
    }
  }
}
