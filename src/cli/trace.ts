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

/** An URL may hold a "=" too. */
const NAME_AND_VALUE = /^[A-Za-z_]\w*=/;

const queryOf = (words: readonly string[]): JobQuery =>
  words.every((word) => NAME_AND_VALUE.test(word))
    ? { identity: identityOf(words) }
    : { text: words.join(' ') };
