import type { JsonObject } from '../contract/json.js';
import type { Place, ProblemHere } from './problems.js';

/** Most jobs of one batch: what the fan-out is measured for. */
export const JOBS_MAX = 200_000;
/** Largest job: half of what the engine takes as one payload. Larger input belongs into a file that the job names. */
export const JOB_BYTES_MAX = 1024 * 1024;
/** Largest jobs file that is read piece by piece; 200,000 jobs of 5 KB. */
export const FILE_BYTES_MAX = 1024 * 1024 * 1024;

/** One job as its source wrote it, not yet checked. */
export interface Row extends Place {
  readonly fields: JsonObject;
  /** Size as written, in characters. */
  readonly size: number;
  /** Where a field's value stands and how it is written. Asked only when something is wrong, or looks odd. */
  fieldAt?(name: string): (Place & { readonly written?: string }) | undefined;
}

/** What every format's reader gets. It yields the rows it can read and reports what it can't. */
export interface RowSource {
  /** Absolute. */
  readonly path: string;
  /** Fields that every row must have: a column that is missing is one problem, not one per row. */
  readonly identity: readonly string[];
  readonly report: (problem: ProblemHere) => void;
  /** For formats that name their fields once for all rows. */
  readonly declare: (fields: readonly string[]) => void;
  readonly signal?: AbortSignal | undefined;
}
