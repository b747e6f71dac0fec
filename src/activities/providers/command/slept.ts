import { z } from 'zod';
import { sleptMs } from '../../../host-sleep.js';
import { readIfThere, statIfThere, writeWhole, type RunPaths } from './run-directory.js';
import { parsed } from './run-state.js';

const noteSchema = z.object({ v: z.literal(1), ms: z.int().nonnegative(), until: z.iso.datetime() });
type Note = z.infer<typeof noteSchema>;

/**
 * How long this host slept while a run was under way. Noted in its directory, for whoever watches it later has not seen
 * that. Several at once note the same.
 */
export async function sleptDuring(paths: RunPaths): Promise<number> {
  const noted = await readNote(paths);
  const sinceMs = noted ? Date.parse(noted.until) : ((await statIfThere(paths.claim))?.mtimeMs ?? Date.now());
  const moreMs = Math.round(sleptMs(sinceMs));
  const ms = (noted?.ms ?? 0) + moreMs;
  if (moreMs > 0) {
    const note: Note = { v: 1, ms, until: new Date().toISOString() };
    await writeWhole(paths.slept, JSON.stringify(note));
  }
  return ms;
}

/** The same as others have noted it: of a run on another host. */
export const sleptAsNoted = async (paths: RunPaths): Promise<number> => (await readNote(paths))?.ms ?? 0;

async function readNote({ slept }: RunPaths): Promise<Note | undefined> {
  const text = await readIfThere(slept);
  return text === undefined ? undefined : parsed(noteSchema, text);
}
