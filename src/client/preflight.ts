import { foreseenTrouble, type Foreseen } from '../activities/foreseen.js';
import { effectsOf } from '../batch/effects.js';
import { FileProblems } from '../batch/problems.js';
import type { Batch, BatchRead, PlaceOf } from '../batch/read-batch.js';
import { SharedPlaces } from '../batch/shared-places.js';
import type { Config } from '../config.js';
import { isEngineConfigured } from '../engine/index.js';
import { AdapterError, InvalidBatch, type Problem } from '../contract/errors.js';
import type { Effect } from '../contract/job.js';
import type { LeftToDo } from '../policy/left-to-do.js';

/** More would not be read. */
const PROBLEMS_MAX = 100;

/**
 * What can be known to be wrong before anything starts, beyond the form of the files: adapters and checks that can't be
 * loaded, or that refuse their options; an agent that can't be run here.
 * @param worksHere whether this very host will run the jobs. Workers of a configured engine may run on others, which
 *   have what this one lacks: they look for themselves when the batch opens
 * @param left asked where something is lacking, for it may not be needed any more
 * @returns notes for people: what looks odd but is allowed, and only filled in effects tell
 * @throws InvalidBatch with every problem found
 */
export async function preflight(
  { file, definition, jobs, placeOf }: Batch,
  config: Pick<Config, 'env' | 'engine'>,
  worksHere = !isEngineConfigured(config),
  left: () => Promise<LeftToDo> = async () => 'sessions',
): Promise<readonly string[]> {
  const { env } = config;
  const { problems, notes, first } = lookAtJobs({ definition, jobs });
  const look = (needed: LeftToDo) => foreseenTrouble(definition, first, { env, worksHere, left: needed });
  let trouble = await look('sessions');
  if (worksHere && trouble.length > 0 && problems.length === 0) {
    const needed = await left();
    if (needed !== 'sessions') trouble = await look(needed);
  }
  const found = merged(file, problems, trouble, placeOf);
  if (found.length > 0) throw new InvalidBatch(found);
  return notes;
}

/**
 * What `preflight` finds in a batch file that has other problems, so that one round tells them all.
 * @throws InvalidBatch with those, and what was found beside them
 */
export async function preflightOfRest(
  { file, problems, parts }: BatchRead,
  config: Pick<Config, 'env' | 'engine'>,
): Promise<never> {
  if (!parts) throw new InvalidBatch(problems);
  const { declared, placeOf } = parts;
  const worksHere = !isEngineConfigured(config);
  const trouble = await foreseenTrouble(declared, [], { env: config.env, worksHere, left: 'sessions' });
  throw new InvalidBatch(merged(file, problems, trouble, placeOf));
}

/** Those of the batch file first, in its order. */
function merged(
  file: string,
  problems: readonly Problem[],
  trouble: readonly Foreseen[],
  placeOf: PlaceOf,
): Problem[] {
  const ofFile = new FileProblems(file);
  for (const problem of problems) if (problem.file === file) ofFile.report(problem);
  for (const { path, at, message, hint } of trouble)
    ofFile.report({ ...placeOf({ path, at }), message, ...(hint !== undefined && { hint }) });
  return [...ofFile.all(), ...problems.filter((problem) => problem.file !== file)];
}

/** A job that can't be filled in would stop the whole batch. @throws InvalidBatch with every problem found */
export function mustBeFillable(batch: Batch): void {
  const { problems } = lookAtJobs(batch);
  if (problems.length > 0) throw new InvalidBatch(problems);
}

function lookAtJobs({ definition, jobs }: Pick<Batch, 'definition' | 'jobs'>): {
  problems: Problem[];
  notes: readonly string[];
  first: readonly Effect[];
} {
  const problems: Problem[] = [];
  let first: readonly Effect[] = [];
  const places = new SharedPlaces();
  for (const [index, job] of jobs.entries()) {
    try {
      const effects = effectsOf(definition, job);
      if (index === 0) first = effects;
      for (const effect of effects) places.add(job, effect);
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      problems.push({ file: job.file, line: job.line, message: error.message });
    }
    if (problems.length >= PROBLEMS_MAX) break;
  }
  problems.push(...places.problems().slice(0, PROBLEMS_MAX));
  return { problems, notes: places.notes(), first };
}
