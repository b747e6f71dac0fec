import { revisionSchema, type PlacedJob } from '../contract/job.js';
import type { JsonObject } from '../contract/json.js';
import { invisibleIn, normaliseValue } from '../identity/canonical.js';
import { fingerprint } from '../identity/fingerprint.js';
import { keyOf } from '../identity/keys.js';
import { inputFault } from './job-input.js';
import { missingHint } from './missing-hint.js';
import type { ProblemHere } from './problems.js';
import { JOB_BYTES_MAX, JOBS_MAX, type Row } from './rows.js';
import { shown } from './shown.js';
import { Twins } from './twins.js';

/** Jobs between two lines of progress. */
const PROGRESS_STEP = 50_000;

/** Jobs whose identity has characters that nobody can see: more are not noted. */
const INVISIBLE_NOTES_MAX = 5;

export interface PlaceJobs {
  /** As shown in messages. */
  readonly file: string;
  /** Identity fields in declared order. */
  readonly identity: readonly string[];
  readonly report: (problem: ProblemHere) => void;
  readonly onProgress?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PlacedJobs {
  readonly jobs: PlacedJob[];
  /** Rows there were, with those that became no job. */
  readonly rows: number;
  /** Every field that some row has, also the rows that became no job. */
  readonly fields: ReadonlySet<string>;
  /** What looks odd but is allowed, for people. */
  readonly notes: readonly string[];
}

/** Checks rows and turns them into jobs, in their order. A row with a problem becomes no job. */
export async function placeJobs(rows: AsyncIterable<Row> | Iterable<Row>, o: PlaceJobs): Promise<PlacedJobs> {
  const jobs: PlacedJob[] = [];
  const fields = new Set<string>();
  const twins = new Twins();
  const unseen: string[] = [];
  let count = 0;
  for await (const row of rows) {
    o.signal?.throwIfAborted();
    count += 1;
    if (count > JOBS_MAX) {
      const hint = 'cut the list into several batches';
      o.report({ line: row.line, column: row.column, message: `is more than ${JOBS_MAX} jobs`, hint });
      break;
    }
    for (const name of Object.keys(row.fields)) fields.add(name);
    const job = placeJob(row, o);
    if (job) {
      jobs.push(job);
      twins.add(job, row);
      if (unseen.length < INVISIBLE_NOTES_MAX) unseen.push(...invisibleNotes(job));
    }
    if (count % PROGRESS_STEP === 0) o.onProgress?.(`read ${count} jobs from ${o.file}`);
  }
  for (const problem of twins.problems()) o.report(problem);
  return { jobs, rows: count, fields, notes: [...unseen, ...twins.lookalikes()] };
}

/** The same text without it would be another job, and nobody would see why. */
const invisibleNotes = ({ file, line, identity }: PlacedJob): string[] =>
  Object.entries(identity).flatMap(([name, value]) => {
    const invisible = invisibleIn(value);
    if (invisible === undefined) return [];
    return [
      `${file}:${line}: the identity field "${name}" has ${invisible}: ${shown(value)}; without it, this is another job`,
    ];
  });

function placeJob(row: Row, { file, identity: names, report }: PlaceJobs): PlacedJob | undefined {
  const fault = isTooLarge(row) ? 'is larger than 1 MiB' : inputFault(row.fields)?.message;
  if (fault !== undefined) {
    report({ line: row.line, column: row.column, message: `the job ${fault}` });
    return undefined;
  }
  const identity = identityOf(row, names, report);
  const revision = revisionOf(row, report);
  if (!identity || revision === undefined) return undefined;
  const input = inputOf(row.fields, names);
  return {
    key: keyOf(Object.values(identity)), // in normal form already
    identity,
    input,
    revision,
    fingerprint: fingerprint({ identity, input }),
    file,
    line: row.line,
  };
}

/** Bytes are only counted where characters leave it open: three bytes are the most that one unit needs. */
const isTooLarge = ({ size, fields }: Row): boolean =>
  size > JOB_BYTES_MAX ||
  (size * 3 > JOB_BYTES_MAX && Buffer.byteLength(JSON.stringify(fields)) > JOB_BYTES_MAX);

/** The identity in declared order; every bad field of the row is reported, not only the first. */
function identityOf(
  row: Row,
  names: readonly string[],
  report: PlaceJobs['report'],
): Record<string, string> | undefined {
  const identity: Record<string, string> = {};
  let good = true;
  for (const name of names) {
    const raw = Object.hasOwn(row.fields, name) ? row.fields[name] : undefined;
    const normal = normaliseValue(raw);
    const problem = normal.ok ? misreading(row, name, raw) : refusal(row, name, raw, normal.problem);
    if (problem) {
      const place = row.fieldAt?.(name) ?? row;
      report({ line: place.line, column: place.column, ...problem });
      good = false;
    } else if (normal.ok) {
      identity[name] = normal.value;
    }
  }
  return good ? identity : undefined;
}

function refusal(row: Row, name: string, raw: unknown, why: string): Pick<ProblemHere, 'message' | 'hint'> {
  if (raw === undefined) {
    return {
      message: `the identity field "${name}" is missing`,
      hint: missingHint(name, Object.keys(row.fields)),
    };
  }
  return {
    message: `the identity field "${name}" ${why}${raw === '' || raw === null ? '' : `: ${shown(raw)}`}`,
  };
}

/** A number can read as another than is written: `1.10` as 1.1, `007` as 7. Both would be one job. */
function misreading(row: Row, name: string, raw: unknown): Pick<ProblemHere, 'message' | 'hint'> | undefined {
  if (typeof raw !== 'number') return undefined;
  const written = row.fieldAt?.(name)?.written;
  if (written === undefined || written === JSON.stringify(raw)) return undefined;
  return {
    message: `the identity field "${name}" is written ${written} and reads as the number ${raw}`,
    hint: `write "${written}" in quotes, or ${raw}`,
  };
}

const REVISION_PROBLEM = 'revision must be a whole number from 1 on';

/** A CSV cell is a text, so digits are taken for the number they are. */
function revisionOf(row: Row, report: PlaceJobs['report']): number | undefined {
  if (!Object.hasOwn(row.fields, 'revision')) return 1;
  const raw = row.fields['revision'];
  const revision = revisionSchema.safeParse(
    typeof raw === 'string' && /^[1-9]\d*$/.test(raw) ? Number(raw) : raw,
  );
  if (revision.success) return revision.data;
  const place = row.fieldAt?.('revision') ?? row;
  report({ line: place.line, column: place.column, message: `${REVISION_PROBLEM}, not ${shown(raw)}` });
  return undefined;
}

function inputOf(fields: JsonObject, identity: readonly string[]): JsonObject {
  const input: JsonObject = {};
  for (const [name, value] of Object.entries(fields)) {
    if (name !== 'revision' && !identity.includes(name)) input[name] = value;
  }
  return input;
}
