import { z } from 'zod';
import { fateOf, isHere, thisMachine, type Machine, type ProcessIdentity } from './machine.js';
import { readIfThere, statIfThere, writeExclusive, type RunPaths } from './run-directory.js';

/** What a run is doing, as its directory and the system say. */
export type RunState =
  /** There is no directory. */
  | { readonly kind: 'missing' }
  /** Nobody has run the program yet. */
  | { readonly kind: 'unclaimed' }
  /** A wrapper has the claim and is about to say who it is, or was killed right then. */
  | { readonly kind: 'claiming' }
  | { readonly kind: 'alive'; readonly process: ProcessIdentity }
  | { readonly kind: 'ended'; readonly exit: Exit; readonly process: ProcessIdentity | undefined }
  /** Its process is gone and left no exit code, or the run was given up before it began. */
  | { readonly kind: 'gone'; readonly process: ProcessIdentity | undefined; readonly why: string }
  /** Started on another machine, where alone can be seen whether it lives. */
  | { readonly kind: 'elsewhere'; readonly machine: Machine };

const exitSchema = z.object({
  rc: z.int().min(0).max(255),
  at: z.string(),
  /** Of stdout when the program ended: a power cut may have taken some of it since. */
  stdoutBytes: z.int().nonnegative(),
});
export type Exit = z.infer<typeof exitSchema>;

const claimSchema = z.union([
  z.object({
    v: z.literal(1),
    pid: z.int().positive(),
    started: z.string().min(1),
    host: z.string(),
    bootId: z.string(),
    pidNamespace: z.string(),
  }),
  z.object({ v: z.literal(1), abandoned: z.string() }),
]);

/** Looks once. Changes nothing. */
export async function lookAtRun(paths: RunPaths): Promise<RunState> {
  const text = await readIfThere(paths.claim);
  if (text === undefined) return (await statIfThere(paths.dir)) ? { kind: 'unclaimed' } : { kind: 'missing' };
  const claim = parsed(claimSchema, text);
  const process = claim && 'pid' in claim ? claim : undefined;

  const exit = await readExit(paths);
  if (exit) return { kind: 'ended', exit, process };
  if (!claim) return { kind: 'claiming' };
  if ('abandoned' in claim) return { kind: 'gone', process, why: claim.abandoned };

  const machine = await thisMachine();
  if (!isHere(claim, machine)) {
    if (claim.host !== machine.host) return { kind: 'elsewhere', machine: claim };
    return { kind: 'gone', process, why: `${machine.host} was started anew while the program ran` };
  }
  if ((await fateOf(claim)) === 'alive') return { kind: 'alive', process: claim };
  // It may have ended between the two looks.
  const late = await readExit(paths);
  if (late) return { kind: 'ended', exit: late, process };
  return { kind: 'gone', process, why: 'its process is gone and left no exit code; was it killed?' };
}

/**
 * Takes the claim so that no wrapper still on its way runs the program.
 * @returns false when one was quicker
 */
export const abandonRun = (paths: RunPaths, why: string): Promise<boolean> =>
  writeExclusive(paths.claim, JSON.stringify({ v: 1, abandoned: why }));

async function readExit(paths: RunPaths): Promise<Exit | undefined> {
  const text = await readIfThere(paths.exit);
  return text === undefined ? undefined : parsed(exitSchema, text);
}

/** A file cut short by a crash says as little as none (W2). */
export function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
