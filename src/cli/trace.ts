import type { JobQuery } from '../client/trace/trace-job.js';
import { replaceFile } from '../report/morning/report-files.js';
import { traceLines } from '../report/trace-lines.js';
import { ExitCode } from './exit-codes.js';
import { identityOf } from './key.js';
import type { Shell } from './shell.js';

export interface TraceFlags {
  readonly work?: string;
  readonly html?: string;
}

/** `nightshift trace JOB`: everything one job did, in order, over all batches and runs. Needs no engine. */
export async function trace(
  words: readonly string[],
  { work, html }: TraceFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const query = { ...queryOf(words), ...(work !== undefined && { work }) };
  const nightshift = await shell.nightshift();
  const traced = await nightshift.trace(query);
  if (html !== undefined) {
    const { tracePage } = await import('../report/trace-page.js');
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    await replaceFile(html, tracePage(traced, { now: new Date(), timeZone }));
    out.progress(`wrote ${html}`);
  }
  if (flags.json) out.json(traced);
  else out.results(traceLines(traced, out.resultColumns));
  return ExitCode.done;
}

/** A key, or a work and a key: jobs of several kinds of work may have one identity, and so one key. */
const WORK_AND_KEY = /^(?:([^:]+):)?([0-9a-f]{1,32})$/;

function queryOf(words: readonly string[]): JobQuery {
  if (words.every((word) => word.includes('='))) return { identity: identityOf(words) };
  const [, work, key] = (words.length === 1 && WORK_AND_KEY.exec(words[0] ?? '')) || [];
  if (key === undefined) return { title: words.join(' ') };
  return { key, ...(work !== undefined && { work }) };
}
