import type { TraceEvent } from '../client/trace/event.js';
import type { JobTrace } from '../client/trace/trace-job.js';
import { jobTitle } from '../contract/job.js';
import type { ShownJobState } from '../contract/states.js';
import { duration, localTime, localTimesIn, plural } from './format.js';
import { markup, webAddress, type Html } from './morning/html.js';
import { htmlDocument } from './morning/html-document.js';
import { table } from './morning/page-table.js';
import { sourcesText } from './trace-lines.js';

/** Shorter gaps between two events are not worth a line. */
const GAP_MIN_MS = 60_000;

export interface TracePageOptions {
  readonly now: Date;
  readonly timeZone: string;
}

/** The story of one job as one file. */
export function tracePage(trace: JobTrace, { now, timeZone }: TracePageOptions): string {
  const { identity, state, trouble, events, key } = trace;
  const title = jobTitle(identity);
  return htmlDocument(
    `${title}: ${state}`,
    markup`<header>
      <h1>What this job did</h1>
      <p class="headline ${TONE[state]}" role="status"><bdi>${title}</bdi>: ${state}</p>
      ${trouble !== undefined && markup`<p><bdi>${localTimesIn(trouble, timeZone)}</bdi></p>`}
      <p class="faint">${spanOf(events, timeZone)}</p>
    </header>
    <main>
      ${factsTable(trace)}
      <h2 id="story">Step by step</h2>
      <p class="faint">Oldest first. From ${sourcesText(trace)}.</p>
      ${events.length === 0 ? markup`<p>Nothing has happened to it yet.</p>` : eventsTable(events, timeZone)}
    </main>
    <footer>
      <p>
        Made by nightshift, ${localTime(now.toISOString(), timeZone)}. Times are those of ${timeZone}. To see it
        as it is now: <code>nightshift trace ${key.slice(0, 12)}</code>
      </p>
    </footer>`,
  );
}

const TONE: Readonly<Record<ShownJobState, 'good' | 'open' | 'bad'>> = {
  done: 'good',
  adopted: 'good',
  waiting: 'open',
  running: 'open',
  gated: 'open',
  parked: 'bad',
  held: 'bad',
  cancelled: 'bad',
  discarded: 'open',
};

function spanOf(events: readonly TraceEvent[], timeZone: string): string {
  const [first, last] = [events[0], events.at(-1)];
  if (!first || !last) return '';
  const took = duration(Date.parse(last.at) - Date.parse(first.at));
  return `${plural(events.length, 'event')}, from ${localTime(first.at, timeZone)} to ${localTime(last.at, timeZone)} (${took}).`;
}

function factsTable({
  work,
  key,
  revision,
  lastOutput,
  batches,
  spend,
  effects,
  workflowId,
}: JobTrace): Html {
  const rows: (readonly [string, Html | string])[] = [
    ['work', work],
    ['key', markup`<code>${key}</code>`],
    ...(revision !== undefined && revision > 1 ? [['revision', String(revision)] as const] : []),
    [
      'batches',
      lines(
        batches.map(({ id, name, verdict }) => `${name ?? id}${verdict === 'conflict' ? ' (conflict)' : ''}`),
      ),
    ],
    ...(lastOutput === undefined ? [] : [['last output kept', markup`<code>${lastOutput}</code>`] as const]),
    ['spent', spend],
    ['effects', lines(effects.map(({ name, state }) => `${name}: ${state}`))],
    ['in the Web UI', markup`<code>${workflowId}</code>`],
  ];
  return table(
    'The job',
    [{ title: 'what' }, { title: 'which', kind: 'wide' }],
    rows.map(([name, value]) => [name, value]),
  );
}

const lines = (texts: readonly string[]): Html =>
  markup`${texts.map((text, at) => markup`${at > 0 && markup`<br />`}<bdi>${text}</bdi>`)}`;

function eventsTable(events: readonly TraceEvent[], timeZone: string): Html {
  const columns = [
    { title: 'when', kind: 'when' },
    { title: 'what' },
    { title: 'what happened', kind: 'wide' },
    { title: 'run' },
    { title: 'try', kind: 'number' },
    { title: 'by' },
  ] as const;
  return table(
    'Step by step',
    columns,
    events.map((event, at) => [
      whenOf(event, events[at - 1], timeZone),
      event.kind,
      textOf({ ...event, text: localTimesIn(event.text, timeZone) }),
      event.runId?.slice(-8) ?? '',
      event.attempt === undefined ? '' : String(event.attempt),
      markup`<bdi>${event.by ?? ''}</bdi>`,
    ]),
  );
}

/** With the time that had passed, where it is long enough to be asked about. */
function whenOf({ at }: TraceEvent, before: TraceEvent | undefined, timeZone: string): Html {
  const gapMs = before === undefined ? 0 : Date.parse(at) - Date.parse(before.at);
  return markup`${localTime(at, timeZone)}${gapMs >= GAP_MIN_MS && markup`<br /><span class="faint">${duration(gapMs)} later</span>`}`;
}

function textOf({ text, tone, facts }: TraceEvent): Html {
  const address = webAddress(typeof facts?.['url'] === 'string' ? facts['url'] : undefined);
  const said = tone === 'plain' ? markup`<bdi>${text}</bdi>` : markup`<bdi class="${tone}">${text}</bdi>`;
  return address === undefined
    ? said
    : markup`${said} <a href="${address}" rel="noreferrer noopener">open it</a>`;
}
