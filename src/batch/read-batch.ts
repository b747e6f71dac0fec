import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Definition } from '../contract/batch-file.js';
import { InvalidBatch, NothingToDo, type Problem } from '../contract/errors.js';
import type { PlacedJob } from '../contract/job.js';
import { volatileNotes } from '../contract/volatile-fields.js';
import { batchKey } from '../identity/keys.js';
import { batchWorkflowId } from '../identity/workflow-ids.js';
import { checkBatchFile, type CheckedBatchFile } from './check-batch-file.js';
import { checkTemplates } from './check-templates.js';
import { declaredIn, type Declared } from './declared.js';
import { documentInCode, type BatchInCode } from './define-batch.js';
import type { FieldFinding } from './issue-sentences.js';
import { FileProblems, type Place } from './problems.js';
import type { Permit } from '../contract/permit.js';
import { readJobs, type JobsRead } from './read-jobs.js';
import type { Environment } from './secrets.js';
import { shown } from './shown.js';
import { UnreadableFile, wholeText } from './source-text.js';
import { parseYaml, type SourceDocument } from './yaml-document.js';

/** A batch file is a page of settings; jobs by the thousand belong into a file of their own. */
const BATCH_BYTES_MAX = 5 * 1024 * 1024;

/** A batch as the operator wrote it, checked as a whole: nothing in it is known to be wrong. */
export interface Batch {
  /** Path as the operator gave it; of a batch in code, what it is called in messages. */
  readonly file: string;
  readonly definition: Definition;
  /** In the order of their source; keys unique; at least one. */
  readonly jobs: readonly PlacedJob[];
  /** What looks odd but is allowed, such as two jobs that look like one; for people. */
  readonly notes?: readonly string[];
  readonly key: string;
  readonly workflowId: string;
  readonly placeOf: PlaceOf;
  /** That whoever read it gave to its jobs; absent where none of them took it. */
  readonly edition?: string;
  /** Set by whoever binds a run to a plan; no file has it. */
  readonly permit?: Permit;
}

/** Where something stands in the batch file; a batch in code has no such places. */
export type PlaceOf = (of: Pick<FieldFinding, 'path' | 'at'>) => Place | undefined;

/** What could be read of a batch file. */
export interface BatchRead {
  /** As `Batch.file`. */
  readonly file: string;
  /** In the order of their files. */
  readonly problems: readonly Problem[];
  /** Where there is no problem. */
  readonly batch?: Batch;
  /** Where there is no problem, and no job either. */
  readonly nothing?: NothingToDo;
  /** What more can be looked at all the same; nothing where the file itself could not be read. */
  readonly parts?: { readonly declared: Declared; readonly placeOf: PlaceOf };
}

export interface ReadBatchOptions {
  /** Where a relative path starts; the working directory of the process unless given. */
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** What jobs get as `edition` that have none, where the identity names it; else it is not used. */
  readonly edition?: string | undefined;
  /** Told what takes long. */
  readonly onProgress?: (line: string) => void;
  /** Where a program that lists the jobs gets its PATH and HOME from; those of the process unless given. */
  readonly env?: Environment;
}

/**
 * Reads a batch file and its jobs. Runs nothing, except the program that lists the jobs where there is one, and
 * that only when nothing else is wrong with the batch file.
 * @throws InvalidBatch with every problem of both files
 * @throws NothingToDo
 */
export async function readBatch(path: string, options: ReadBatchOptions = {}): Promise<Batch> {
  const { batch, nothing, problems } = await tryReadBatch(path, options);
  if (nothing) throw nothing;
  if (!batch) throw new InvalidBatch(problems);
  return batch;
}

/** The same, also of a batch in code, for those who look for more problems before they tell of them. Throws for none. */
export async function tryReadBatch(
  source: string | BatchInCode,
  options: ReadBatchOptions = {},
): Promise<BatchRead> {
  const { cwd = process.cwd(), signal, onProgress, env = process.env, edition } = options;
  const opened =
    typeof source === 'string' ? await openFile(source, cwd, signal) : openDefinition(source, cwd);
  const { file, folder, listed, place, problems, document } = opened;
  const { baseDir } = place;
  if (!document) return { file, problems: problems.all() };
  const checked = checkBatchFile(document, problems);
  const { identity } = checked;
  const context = { file, folder, listed, baseDir, document, problems, env, onProgress, signal };
  const read =
    identity && mayReadJobs(checked)
      ? await readJobs(checked.jobs, { ...context, identity, given: editionFor(identity, edition) })
      : undefined;
  checkTemplates({ document, problems, identity, read });

  const found =
    read && read.problems !== problems ? [...problems.all(), ...read.problems.all()] : problems.all();
  const placeOf: PlaceOf = ({ path: inside, at }) =>
    at === 'key' ? document.placeOfKey(inside) : document.placeOf(inside);
  if (found.length > 0 || !checked.file || !read)
    return { file, problems: found, parts: { declared: declaredIn(document.value, baseDir), placeOf } };
  const definition = { ...withoutJobs(checked.file), ...place };
  if (read.jobs.length === 0)
    return { file, problems: [], nothing: new NothingToDo(read.problems.file, definition) };
  const given = read.jobs.some((job) => job.identity['edition'] === edition) ? edition : undefined;
  const batch = batchOf(file, definition, read, placeOf);
  return { file, problems: [], batch: given === undefined ? batch : { ...batch, edition: given } };
}

/** What a batch is read from, in whatever form it was given. */
interface Opened {
  /** What messages call it. */
  readonly file: string;
  /** Its folder, as the operator sees it. */
  readonly folder: string;
  readonly place: Pick<Definition, 'baseDir' | 'fileName'>;
  readonly problems: FileProblems;
  /** For the problems of jobs that it lists itself. */
  readonly listed: FileProblems;
  /** Undefined where it can't be read; why is among the problems. */
  readonly document: SourceDocument | undefined;
}

async function openFile(path: string, cwd: string, signal: AbortSignal | undefined): Promise<Opened> {
  const absolute = resolve(cwd, path);
  const problems = new FileProblems(path);
  const document = await readDocument(absolute, problems, signal);
  return {
    ...{ file: path, folder: dirname(path), place: placeOfFile(absolute) },
    ...{ problems, listed: problems, document },
  };
}

function openDefinition({ definition, baseDir }: BatchInCode, cwd: string): Opened {
  const absolute = resolve(cwd, baseDir);
  const name: unknown = definition.name;
  const file = typeof name === 'string' ? `batch ${shown(name)}` : 'batch';
  const problems = new FileProblems(file);
  return {
    ...{ file, folder: relative(cwd, absolute), place: { baseDir: absolute } },
    ...{ problems, listed: new FileProblems('jobs') },
    document: documentInCode(definition, problems.report),
  };
}

/** A batch file without its jobs. */
export interface Settings {
  readonly definition: Definition;
  /** They stand in the batch file itself, and not in another file or in what a program prints. */
  readonly areJobsListed: boolean;
}

/**
 * The settings of a batch file, its jobs left aside: nothing of them is read or run.
 * @throws InvalidBatch
 */
export async function readSettings(path: string): Promise<Settings> {
  const absolute = resolve(path);
  const problems = new FileProblems(path);
  const document = await readDocument(absolute, problems, undefined);
  const file = document && checkBatchFile(document, problems).file;
  if (!file) throw new InvalidBatch(problems.all());
  const definition = { ...withoutJobs(file), ...placeOfFile(absolute) };
  return { definition, areJobsListed: Array.isArray(file.jobs) };
}

/** A batch whose identity has no edition is the same each night: a field more would be another payload. */
const editionFor = (identity: readonly string[], edition: string | undefined): Record<string, string> =>
  edition !== undefined && identity.includes('edition') ? { edition } : {};

async function readDocument(
  path: string,
  { report }: FileProblems,
  signal: AbortSignal | undefined,
): Promise<SourceDocument | undefined> {
  try {
    return parseYaml(await wholeText(path, { bytesMax: BATCH_BYTES_MAX, signal }), report);
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    report(error.problem);
    return undefined;
  }
}

type WithJobs = CheckedBatchFile & { readonly jobs: NonNullable<CheckedBatchFile['jobs']> };

/** A file may be read to find more problems; a program is not run for that. */
function mayReadJobs(checked: CheckedBatchFile): checked is WithJobs {
  const { jobs, file } = checked;
  return jobs !== undefined && (file !== undefined || typeof jobs === 'string' || Array.isArray(jobs));
}

function batchOf(
  file: string,
  definition: Definition,
  { jobs, notes = [] }: Pick<JobsRead, 'jobs' | 'notes'>,
  placeOf: PlaceOf,
): Batch {
  const { name } = definition;
  const key = batchKey({ name, jobKeys: jobs.map((job) => job.key) });
  return {
    file,
    definition,
    jobs,
    notes: [...volatileNotes(definition.identity), ...notes],
    key,
    workflowId: batchWorkflowId({ name, batchKey: key }),
    placeOf,
  };
}

/** Absolute path of the file that a definition comes from; undefined where it was not noted. */
export const batchFileOf = ({
  baseDir,
  fileName,
}: Pick<Definition, 'baseDir' | 'fileName'>): string | undefined =>
  fileName === undefined ? undefined : join(baseDir, fileName);

const placeOfFile = (absolute: string): Pick<Definition, 'baseDir' | 'fileName'> => ({
  baseDir: dirname(absolute),
  fileName: basename(absolute),
});

function withoutJobs(file: NonNullable<CheckedBatchFile['file']>): Omit<Definition, 'baseDir' | 'fileName'> {
  const { jobs: _, ...rest } = file;
  return rest;
}
