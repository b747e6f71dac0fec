import { constants } from 'node:fs';
import { link, open, rename, unlink } from 'node:fs/promises';

/** The writes of this adapter, each a step that a crash can come between. Tests stand in for it. */
export interface Disk {
  /** A new file with exactly these bytes, synced; its mode is the usual one when none is given. @throws EEXIST */
  readonly writeNew: (path: string, bytes: Uint8Array, mode?: number) => Promise<void>;
  /** In one write at the end of a file, made when missing; synced. */
  readonly append: (path: string, text: string) => Promise<void>;
  /** Gives a file a second name. @throws EEXIST when that name is taken, whatever by */
  readonly link: (from: string, to: string) => Promise<void>;
  /** Replaces what has the name. */
  readonly rename: (from: string, to: string) => Promise<void>;
  readonly unlink: (path: string) => Promise<void>;
  /** Names in a folder are on disk only after the folder itself was synced. */
  readonly syncFolder: (path: string) => Promise<void>;
}

export const systemDisk: Disk = {
  async writeNew(path, bytes, mode) {
    const file = await open(path, 'wx', 0o666);
    try {
      if (mode !== undefined) await file.chmod(mode); // `open` would take the umask off
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  },

  async append(path, text) {
    // A link in its place would have us write somewhere else.
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
    const file = await open(path, flags, 0o666);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  },

  link,
  rename,
  unlink,

  async syncFolder(path) {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};
