import { mkdir, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Makes a folder (0700) and what is missing above it; when it resolves, all of that survives a power cut. */
export async function makeDirectory(path: string): Promise<void> {
  const whole = resolve(path);
  const first = await mkdir(whole, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = whole; made.length >= first.length; made = dirname(made))
    await syncDirectory(dirname(made));
}

/** Names in a folder are on disk only after the folder itself was synced. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** `write` may take a part only. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let from = 0; from < bytes.length;) {
    from += (await file.write(bytes, from, bytes.length - from)).bytesWritten;
  }
}

/** Up to `length` bytes from `offset`; fewer where the file ends before. */
export async function readPart(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const part = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(part, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return part.subarray(0, filled);
}

/** Removes the files of a folder that nobody wrote to for `ageMs`. Another process may be doing the same. */
export async function removeStaleFiles(directory: string, ageMs: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const modified = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined, // gone meanwhile
    );
    if (modified !== undefined && Date.now() - modified > ageMs) await rm(path, { force: true });
  }
}
