import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Lru } from '../../../batch/lru.js';
import { AdapterError } from '../../../contract/errors.js';
import { keySchema, revisionSchema, sha256Schema } from '../../../contract/job.js';
import { systemCode } from '../../../contract/thrown.js';
import type { Disk } from './disk.js';
import { pathFault } from './safe-path.js';
import type { FileId } from './standing.js';

export const JOURNAL_NAME = '.nightshift.jsonl';

/** One line: this effect was about to put these bytes there. A line without the file is harmless. */
const markSchema = z.object({
  v: z.literal(1),
  key: keySchema,
  revision: revisionSchema,
  fingerprint: sha256Schema,
  /** Relative to the target; checked like a job's, because anyone who may write there can write this file. */
  path: z.string().refine((path) => pathFault(path) === undefined),
  sha256: sha256Schema,
  /** The very file that was to get the name; not in lines of earlier releases. */
  file: z.string().optional(),
  at: z.string(),
});
export type Mark = z.infer<typeof markSchema>;

const READ_BYTES = 1 << 20;
const APPEND_TRIES_MAX = 3;
const OPEN_JOURNALS_MAX = 256;

/**
 * The marks of one target: which of its files are whose.
 *
 *  J1. A mark is on disk before the file that it speaks of has its name. Whoever lost the race for it left one too.
 *  J2. It only grows, by appending whole lines. Several processes may append at once.
 *  J3. It is read once, then only what was added. A line cut by a crash, or of a version that we don't know, is
 *      passed over, and the next writer begins a new one.
 */
export class Journal {
  private readonly file: string;
  private marks = new Map<string, Mark[]>();
  private marksAt = new Map<string, Mark[]>();
  private inode = -1;
  /** Up to where lines were taken in. */
  private offset = 0;
  /** Size at the last look; more than `offset` while the last line is not whole. */
  private size = 0;
  private endsLine = true;
  private looking: Promise<void> = Promise.resolve();
  private waiting: Waiting[] = [];
  private writing = false;

  constructor(
    private readonly root: string,
    private readonly disk: Disk,
  ) {
    this.file = join(root, JOURNAL_NAME);
  }

  /** Marks of an effect, oldest first. */
  marksOf(effectKey: string): readonly Mark[] {
    return this.marks.get(effectKey) ?? [];
  }

  /** The effect that last marked a path, whether or not its file got the name. */
  lastToMark(path: string): string | undefined {
    return this.marksAt.get(path)?.at(-1)?.key;
  }

  /**
   * Whose a file is; undefined when nobody marked these bytes at this path. Effects that race for a path with equal
   * bytes all mark it: then it is of the first that marked this very file. A copy of a folder has other files, and
   * there the last mark counts.
   */
  ownerOf(
    path: string,
    { sha256, file }: { readonly sha256: string; readonly file: FileId },
  ): string | undefined {
    const marks = this.marksAt.get(path)?.filter((mark) => mark.sha256 === sha256) ?? [];
    return (marks.find((mark) => mark.file === file) ?? marks.at(-1))?.key;
  }

  /** Takes in what was added before the call. One look at a time: each goes on where the last one ended. */
  async refresh(): Promise<void> {
    const look = this.looking.catch(() => undefined).then(() => this.readNew());
    this.looking = look;
    return look;
  }

  /** Durable when it resolves. Marks of effects that land at the same time share a write and a sync. */
  async append(mark: Mark): Promise<void> {
    const written = new Promise<void>((resolve, reject) => this.waiting.push({ mark, resolve, reject }));
    void this.writeWaiting();
    return written;
  }

  private async writeWaiting(): Promise<void> {
    if (this.writing) return;
    this.writing = true;
    while (this.waiting.length > 0) {
      const group = this.waiting.splice(0);
      try {
        await this.write(group.map(({ mark }) => mark));
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.writing = false;
  }

  private async write(marks: readonly Mark[]): Promise<void> {
    let left = marks;
    for (let tries = 0; left.length > 0; tries++) {
      if (tries === APPEND_TRIES_MAX) {
        throw new AdapterError('transient', `${this.file} does not keep what is written to it`, {
          sent: 'no',
        });
      }
      await this.refresh();
      const isNew = this.inode === -1;
      await this.disk.append(this.file, `${this.endsLine ? '' : '\n'}${left.map(lineOf).join('')}`);
      if (isNew) await this.disk.syncFolder(this.root);
      // Read back: a writer killed half-way just before us would have spoiled our first line.
      await this.refresh();
      left = left.filter((mark) => !this.has(mark));
    }
  }

  private has(mark: Mark): boolean {
    const line = lineOf(mark);
    return this.marksOf(mark.key).some((known) => lineOf(known) === line);
  }

  private async readNew(): Promise<void> {
    const found = await this.look();
    if (found.inode !== this.inode || found.size < this.size) this.forget(found.inode);
    if (found.size === this.size) return;
    const file = await open(this.file, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      let rest = Buffer.alloc(0);
      for (;;) {
        const from = this.offset + rest.length;
        const length = Math.min(READ_BYTES, found.size - from);
        if (length <= 0) break;
        const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
        if (bytesRead === 0) break;
        rest = this.takeLines(Buffer.concat([rest, buffer.subarray(0, bytesRead)]));
      }
      this.size = this.offset + rest.length;
      this.takeUnended(rest);
    } finally {
      await file.close();
    }
  }

  private async look(): Promise<{ inode: number; size: number }> {
    try {
      const stats = await lstat(this.file);
      if (stats.isFile()) return { inode: stats.ino, size: stats.size };
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return { inode: -1, size: 0 };
      throw error;
    }
    throw new AdapterError('config', `${this.file} is not a plain file; move it away`, { sent: 'no' });
  }

  /** Somebody put another file in its place, or took some of it away. */
  private forget(inode: number): void {
    this.marks = new Map();
    this.marksAt = new Map();
    this.inode = inode;
    this.offset = 0;
    this.size = 0;
    this.endsLine = true;
  }

  /** Takes the whole lines, and gives back what comes after them. */
  private takeLines(bytes: Buffer): Buffer<ArrayBuffer> {
    const end = bytes.lastIndexOf(0x0a) + 1;
    for (const line of bytes.toString('utf8', 0, end).split('\n')) this.takeLine(line);
    this.offset += end;
    this.endsLine = true;
    return Buffer.from(bytes.subarray(end));
  }

  /** A last line without its end counts when it is whole otherwise: nothing can be added to a whole JSON object. */
  private takeUnended(rest: Buffer): void {
    this.endsLine = rest.length === 0;
    if (rest.length > 0 && this.takeLine(rest.toString('utf8'))) this.offset += rest.length;
  }

  private takeLine(line: string): boolean {
    const mark = parseMark(line);
    if (!mark) return false;
    addTo(this.marks, mark.key, mark);
    addTo(this.marksAt, mark.path, mark);
    return true;
  }
}

interface Waiting {
  readonly mark: Mark;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const lineOf = ({ v, key, revision, fingerprint, path, sha256, file, at }: Mark): string =>
  `${JSON.stringify({ v, key, revision, fingerprint, path, sha256, file, at })}\n`;

function addTo(marks: Map<string, Mark[]>, name: string, mark: Mark): void {
  const known = marks.get(name);
  if (known) known.push(mark);
  else marks.set(name, [mark]);
}

function parseMark(line: string): Mark | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return markSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // J3
  }
}

const opened = new WeakMap<Disk, Lru<Journal>>();

/** The journal of a target; one in a process, or each effect would read it from its beginning. */
export function journalOf(root: string, disk: Disk): Journal {
  const journals = opened.get(disk) ?? new Lru<Journal>(OPEN_JOURNALS_MAX);
  opened.set(disk, journals);
  const journal = journals.get(root) ?? new Journal(root, disk);
  journals.set(root, journal);
  return journal;
}
