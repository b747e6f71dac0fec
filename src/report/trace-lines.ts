import type { TraceEvent } from '../client/trace/event.js';
import type { JobTrace } from '../client/trace/trace-job.js';
import { jobTitle } from '../contract/job.js';
import { fieldLines } from './field-lines.js';
import { localTime, localTimesIn, plural } from './format.js';
import { bold, dim, green, red, type Line, type Span } from './line.js';
import { tableLines } from './table.js';

/** The story of one job for a terminal: who it is, how it stands, then line by line what happened. */
export function traceLines(trace: JobTrace, columns?: number, timeZone?: string): Line[] {
  const { work, key, workflowId, identity, state, revision, trouble, lastOutput } = trace;
  const { spend, batches, effects, events } = trace;
  const names = batches.map(
    ({ id, name, verdict }) => (name ?? id) + (verdict === 'conflict' ? ' (conflict)' : ''),
  );
  return [
    [bold(jobTitle(identity))],
    ...fieldLines({
      state: state + (trouble === undefined ? '' : `: ${localTimesIn(trouble, timeZone)}`),
      job: `${work} ${key}${revision !== undefined && revision > 1 ? `, revision ${revision}` : ''}`,
      workflow: workflowId,
      batches: names.join(', ') || undefined,
      [batches.length > 1 ? 'trace ids' : 'trace id']:
        batches.map(({ traceId }) => traceId).join(', ') || undefined,
      'last output kept': lastOutput,
      spend,
      effects: effects.map(({ name, state: at }) => `${name} ${at}`).join(', ') || undefined,
      sources: sourcesText(trace),
    }),
    [],
    ...tableLines(
      ['when', 'what', 'run', 'try', 'by', 'what happened'],
      events.map((event): Span[] => [
        localTime(event.at, timeZone),
        event.kind,
        event.runId?.slice(-8) ?? '',
        event.attempt === undefined ? '' : String(event.attempt),
        event.by ?? '',
        toned({ ...event, text: localTimesIn(event.text, timeZone) }),
      ]),
      columns,
    ),
    ...(events.length === 0 ? [[dim('nothing has happened to it yet')]] : []),
  ];
}

const toned = ({ tone, text }: TraceEvent): Span =>
  tone === 'good' ? green(text) : tone === 'bad' ? red(text) : text;

export function sourcesText({ histories: { read, expired, unread } }: JobTrace): string {
  if (unread !== undefined)
    return `the ledger alone (${unread}): tries that never reached it, and waits, are missing`;
  const gone =
    expired > 0
      ? `; ${plural(expired, 'history', 'histories')} expired, the ledger alone tells of those runs`
      : '';
  return `the ledger and ${plural(read, 'history', 'histories')} of the engine${gone}`;
}
