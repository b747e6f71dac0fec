import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const noteSchema = z.union([z.strictObject({ begun: z.string() }), z.strictObject({ ended: z.string() })]);

/** A line of the file: an Activity has begun, or ended. */
export type Note = z.infer<typeof noteSchema>;

/** As it is appended. */
export const lineOf = (entry: Note): string => `${JSON.stringify(entry)}\n`;

/** Of the process whose file that is. */
export const lockOf = (file: string): string => file.replace(/\.jsonl$/, '.lock');

/** Task tokens of those that have begun there, and not ended. */
export function outstanding(file: string): Set<string> {
  const tokens = new Set<string>();
  if (!existsSync(file)) return tokens;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const entry = noteSchema.safeParse(parseJson(line));
    if (!entry.success) continue; // the last line of a killed process may be cut
    if ('begun' in entry.data) tokens.add(entry.data.begun);
    else tokens.delete(entry.data.ended);
  }
  return tokens;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
