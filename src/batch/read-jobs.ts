import { extname, isAbsolute, join, resolve } from 'node:path';
import type { z } from 'zod';
import type { jobSourceSchema } from '../contract/batch-file.js';
import type { PlacedJob } from '../contract/job.js';
import { CommandFailed, readCommand } from './jobs-command.js';
import { readCsv } from './jobs-csv.js';
import { readJson } from './jobs-json.js';
import { readJsonl } from './jobs-jsonl.js';
import { readYaml, rowsOfDocument } from './jobs-yaml.js';
import { placeJobs, type PlacedJobs } from './place-jobs.js';
import { FileProblems } from './problems.js';
import type { Row, RowSource } from './rows.js';
import type { Environment } from './secrets.js';
import { shown } from './shown.js';
import { UnreadableFile } from './source-text.js';
import type { SourceDocument } from './yaml-document.js';

export type JobSource = z.infer<typeof jobSourceSchema>;

export interface ReadJobs {
  /** The batch file as the operator gave it, its folder as they see it and absolute, its content, and its problems. */
  readonly file: string;
  readonly folder: string;
  readonly baseDir: string;
  readonly document: SourceDocument;
  readonly problems: FileProblems;
  /** For the problems of jobs that stand in the batch file itself. */
  readonly listed: FileProblems;
  readonly identity: readonly string[];
  readonly env: Environment;
  /** Fields that each job gets which does not have them. */
  readonly given: Readonly<Record<string, string>>;
  readonly onProgress?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface JobsRead {
  readonly jobs: readonly PlacedJob[];
  /** Problems of the file that the jobs are in, which may be the batch file. */
  readonly problems: FileProblems;
  /** Every field that a job may have, beside `revision`; undefined when the list could not be read to its end. */
  readonly fields: ReadonlySet<string> | undefined;
  /** What looks odd but is allowed, for people. */
  readonly notes?: readonly string[];
}

const FORMATS: Readonly<Record<string, (source: RowSource) => AsyncIterable<Row>>> = {
  '.csv': readCsv,
  '.jsonl': readJsonl,
  '.ndjson': readJsonl,
  '.json': readJson,
  '.yaml': readYaml,
  '.yml': readYaml,
};

/**
 * Reads the jobs of a batch from wherever its `jobs` says. Whatever is wrong becomes a problem, not an exception. A file
 * or a program that lists none is not wrong; a batch file that spells out none is.
 */
export async function readJobs(jobs: JobSource, o: ReadJobs): Promise<JobsRead> {
  if (Array.isArray(jobs)) {
    const read = await collect(({ report }) => rowsOfDocument(o.document, ['jobs'], report), o.listed, o);
    if (jobs.length === 0) o.problems.report({ message: `there is nothing to do: no jobs in ${o.file}` });
    return read;
  }
  return typeof jobs === 'object' ? readFromCommand(jobs.command, o) : readFromFile(jobs, o);
}

async function readFromFile(path: string, o: ReadJobs): Promise<JobsRead> {
  const read = FORMATS[extname(path).toLowerCase()];
  if (!read) {
    o.problems.report({
      ...o.document.placeOf(['jobs']),
      message: `jobs: ${shown(path)} has no ending that says how to read it`,
      hint: 'name a .csv, .jsonl, .json or .yaml file',
    });
    return { jobs: [], problems: o.problems, fields: undefined };
  }
  // Seen from where the operator stands, as the batch file's own path is.
  const problems = new FileProblems(isAbsolute(path) ? path : join(o.folder, path));
  const { signal, given } = o;
  const identity = o.identity.filter((name) => !Object.hasOwn(given, name)); // what a row must have itself
  return collect((hear) => read({ path: resolve(o.baseDir, path), identity, signal, ...hear }), problems, o);
}

/** What the program prints has lines of its own; that it failed is said where the batch file names it. */
async function readFromCommand(argv: readonly string[], o: ReadJobs): Promise<JobsRead> {
  const problems = new FileProblems(`output of ${shown(argv.join(' '))}`);
  o.onProgress?.(`running ${argv.join(' ')}`);
  const { baseDir: cwd, env, signal } = o;
  try {
    return await collect(({ report }) => readCommand({ argv, cwd, env, report, signal }), problems, o);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    o.problems.report({ ...o.document.placeOf(['jobs', 'command']), ...error.problem });
    // Lines of a program that failed may be cut anywhere: what is wrong with them says nothing.
    return { jobs: [], problems: new FileProblems(problems.file), fields: undefined };
  }
}

type Hearing = Pick<RowSource, 'report' | 'declare'>;

async function collect(
  rowsFor: (hearing: Hearing) => AsyncIterable<Row> | Iterable<Row>,
  problems: FileProblems,
  { identity, given, onProgress, signal, ...batchFile }: ReadJobs,
): Promise<JobsRead> {
  const { file, report } = problems;
  let declared: readonly string[] | undefined;
  const read = rowsFor({ report, declare: (names) => (declared = names) });
  const rows = Object.keys(given).length === 0 ? read : withGiven(read, given);
  try {
    const placed = await placeJobs(rows, { file, identity, report, onProgress, signal });
    const { jobs, notes } = placed;
    return { jobs, problems, fields: fieldsOf(placed, declared), notes };
  } catch (error) {
    if (!(error instanceof UnreadableFile) || error instanceof CommandFailed) throw error;
    const { problem } = error;
    if (problem.line !== undefined) report(problem);
    else {
      // About the file as a whole, so it is said where that is named.
      const place = batchFile.document.placeOf(['jobs']);
      batchFile.problems.report({ ...place, ...problem, message: `jobs: ${file}: ${problem.message}` });
    }
    return { jobs: [], problems, fields: undefined };
  }
}

async function* withGiven(
  rows: AsyncIterable<Row> | Iterable<Row>,
  given: ReadJobs['given'],
): AsyncGenerator<Row> {
  for await (const row of rows) yield { ...row, fields: { ...given, ...row.fields } };
}

/** A row that could not be taken may hold a field that no other has; a header names them all. */
function fieldsOf({ rows, jobs, fields }: PlacedJobs, declared?: readonly string[]): JobsRead['fields'] {
  if (!declared && (jobs.length < rows || rows === 0)) return undefined;
  const names = new Set([...(declared ?? []), ...fields.keys()]);
  names.delete('revision');
  return names;
}
