/** A process that stores artifacts until it is killed: `ROOT`. Says the hash of each once it is acknowledged. */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { folderArtifactStore } from '../../dist/artifacts/folder-store.js';

const store = folderArtifactStore({ root: process.argv[2] ?? '' });
for (let number = 0; ; number++) {
  const seed = createHash('sha256').update(`${process.pid}:${number}`).digest();
  const { sha256 } = await store.put(Buffer.alloc(200_000, seed));
  writeSync(1, `${sha256}\n`);
}
