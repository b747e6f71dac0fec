import { sha256Hex } from './digest.js';

/** Ids of spans are made from keys: whichever process tells of a batch or a job, tells of the same. */
export const traceIdOf = (batchId: string): string => sha256Hex(batchId).slice(0, 32);

/** Id of the span of one run of a batch, which may run more than once. @param runId undefined where nothing is known of it */
export const batchSpanIdOf = (batchId: string, runId: string | undefined): string =>
  sha256Hex(`${batchId} ${runId ?? ''}`).slice(0, 16);

export interface JobRun {
  readonly batchId: string;
  readonly work: string;
  readonly jobKey: string;
  /** Run of the job's Workflow. */
  readonly runId: string;
}

/** Id of the span of one run of a job. */
export const jobSpanIdOf = ({ batchId, work, jobKey, runId }: JobRun): string =>
  sha256Hex(`${batchId} ${work} ${jobKey} ${runId}`).slice(0, 16);

/** What spans of others begin below, in the form of W3C Trace Context. */
export const traceparentOf = (run: JobRun): string => `00-${traceIdOf(run.batchId)}-${jobSpanIdOf(run)}-01`;
