import { parseWriter } from '../../ledger/by.js';
import { idsIn } from '../../activities/session/session-name.js';
import type { HistoryRow, RequestKind } from '../../ledger/ledger.js';
import type { JobStory, StorySession } from '../../ledger/story.js';
import { MICROS, moneyOfMicros } from '../../policy/money.js';
import { duration, plural } from '../../report/format.js';
import type { TraceEvent } from './event.js';

/** What the ledger tells of a job, in the order in which it was written. Pure. */
export function ledgerEvents(story: JobStory): TraceEvent[] {
  return [
    ...story.history.flatMap((row) => historyEvent(row, story)),
    ...story.tries.flatMap((_, at) => tryEvent(story, at)),
    ...story.requests.map((row): TraceEvent => {
      const { at, what, outcome, reason, by, runId } = row;
      const whom = row.jobKey === undefined ? (row.batch?.name ?? 'the batch') : 'this job';
      return {
        at,
        kind: 'request',
        text: `${by} asked to ${ASKED_TO[what] ?? what} ${whom}: ${outcome}${reason === undefined ? '' : `, because "${reason}"`}`,
        tone: outcome === 'refused' || outcome === 'failed' || outcome === 'conflict' ? 'bad' : 'plain',
        source: 'ledger',
        ...(row.batch && { batch: row.batch.name }),
        ...(runId !== undefined && { runId }),
        by,
        facts: { what, outcome, ...(reason !== undefined && { reason }) },
      };
    }),
  ];
}

/** Where the name of the kind does not say it. */
const ASKED_TO: Partial<Record<RequestKind, string>> = {
  'end-orphan': 'end, at its service, a session of',
  'end-abandoned': 'book as lost a session of',
};

type Told = Pick<TraceEvent, 'kind' | 'text'> & Partial<Pick<TraceEvent, 'tone' | 'facts'>>;

function historyEvent(row: HistoryRow, story: JobStory): TraceEvent[] {
  const told = toldBy(row, story);
  if (told === undefined) return [];
  const { runId, attempt, name } = parseWriter(row.by);
  const batch = story.batches.find(
    ({ id }) => id === (row.kind === 'batch' ? row.subject : batchOf(row, story)),
  );
  return [
    {
      at: row.at,
      tone: 'plain',
      source: 'ledger',
      ...told,
      ...(batch?.name !== undefined && { batch: batch.name }),
      ...(runId !== undefined && { runId }),
      ...(attempt !== undefined && { attempt }),
      by: name,
    },
  ];
}

function toldBy(row: HistoryRow, story: JobStory): Told | undefined {
  switch (row.kind) {
    case 'batch':
      return { kind: 'batch', ...batchTold(row) };
    case 'job':
      return { kind: 'job', ...jobTold(row) };
    case 'session':
      return sessionTold(row, story);
    case 'effect':
      return effectTold(row, story);
  }
}

const because = (detail: string | undefined): string => (detail === undefined ? '' : `: ${detail}`);

function batchTold({ from, to, detail }: HistoryRow): Omit<Told, 'kind'> {
  if (to === 'running')
    return from === 'paused'
      ? { text: `batch resumed${because(detail)}` }
      : { text: `batch opened${because(detail)}` };
  if (to === 'paused') return { text: `batch paused${because(detail)}` };
  return { text: `batch ended ${to}${because(detail)}`, tone: to === 'completed' ? 'good' : 'bad' };
}

const JOB_BAD: ReadonlySet<string> = new Set(['parked', 'held', 'gated', 'cancelled']);

function jobTold({ from, to, detail }: HistoryRow): Omit<Told, 'kind'> {
  if (to === 'running')
    return { text: from === undefined ? 'taken by a worker' : `taken by a worker again (was ${from})` };
  if (to === 'waiting') return { text: `waits to be taken again (was ${from ?? 'new'})${because(detail)}` };
  return {
    text: `job ${to}${because(detail)}`,
    tone: JOB_BAD.has(to) ? 'bad' : 'good',
    ...(detail !== undefined && { facts: { state: to, why: detail } }),
  };
}

function sessionTold({ subject, to, detail, at }: HistoryRow, { sessions }: JobStory): Told {
  const session = sessions.find(({ runKey, attempt }) => subject === `${runKey}#${attempt}`);
  const name = `session ${subject.slice(subject.lastIndexOf('#') + 1)}`;
  const facts = { session: subject, ...(session && { provider: session.provider }) };
  if (to === 'intent')
    return { kind: 'session', text: `${name} is about to start at ${session?.provider ?? '?'}`, facts };
  if (to === 'started') {
    const ids = idsOf(session?.handle);
    const shown = Object.entries(ids).map(([id, value]) => `${id} ${value}`);
    return {
      kind: 'session',
      text: `${name} started${shown.length > 0 ? ` (${shown.join(', ')})` : ''}`,
      facts: { ...facts, ...ids },
    };
  }
  if (to === 'attached')
    return { kind: 'session', text: `${name} was under way: this try goes on with it`, facts };
  const good = to === 'collected';
  const took = session ? ` after ${duration(Date.parse(at) - Date.parse(session.openedAt))}` : '';
  return {
    kind: 'session',
    text: `${name} ${good ? 'delivered' : to}${took}${session ? `, ${usageText(session)}` : ''}${because(detail)}`,
    tone: good ? 'good' : 'bad',
    facts: { ...facts, ...(session && usageFacts(session)), ...(detail !== undefined && { why: detail }) },
  };
}

export function usageText({ usage, currency, neverRan, state }: StorySession): string {
  if (neverRan) return state === 'failed' ? 'refused before it began' : 'before it began';
  const { inputTokens, outputTokens, costMicros, costSource } = usage;
  const tokens = inputTokens + outputTokens > 0 ? `${inputTokens} tokens in, ${outputTokens} out, ` : '';
  return (
    tokens +
    (costSource === 'none' ? 'cost not known' : `${moneyOfMicros(costMicros, currency)} (${costSource})`)
  );
}

const usageFacts = ({ usage, currency }: StorySession): Record<string, string | number> => ({
  inputTokens: usage.inputTokens,
  outputTokens: usage.outputTokens,
  cachedTokens: usage.cachedTokens,
  cost: usage.costMicros / MICROS,
  currency,
  costSource: usage.costSource,
  ...(usage.model !== undefined && { model: usage.model }),
});

function idsOf(handle: unknown): Record<string, string | number> {
  const { ids } = (handle ?? {}) as { readonly ids?: Readonly<Record<string, unknown>> };
  return Object.fromEntries(idsIn(ids ?? {}));
}

function effectTold(row: HistoryRow, { effects, receipts }: JobStory): Told | undefined {
  const { subject, from, to, detail } = row;
  const effect = effects.find(({ effectKey }) => effectKey === subject);
  const name = effect?.name ?? 'effect';
  const facts = { effectKey: subject, ...(effect && { use: effect.use, target: effect.target }) };
  const told = (
    text: string,
    tone: TraceEvent['tone'] = 'plain',
    more: Record<string, string | number> = {},
  ): Told => ({
    kind: 'effect',
    text,
    tone,
    facts: { ...facts, ...more },
  });
  switch (to) {
    case 'pending':
      if (from === undefined) return undefined; // what follows says more
      return told(`${name} may be sent again (was ${from})${because(detail)}`);
    case 'attempting':
      return told(`${name} is sent to ${effect ? `${effect.use} at ${effect.target}` : 'its destination'}`);
    case 'landed': {
      const receipt = receipts.find((each) => each.effectKey === subject && each.seq === row.seq);
      if (!receipt) return told(`${name} landed${because(detail)}`, 'good');
      const { id, url, revision, adopted, decidedBy } = receipt;
      const how = decidedBy !== undefined ? `, as ${decidedBy} said` : adopted ? ', found there' : '';
      const place = url ?? id;
      return told(`${name} landed${how}: ${place}${revision > 1 ? ` (revision ${revision})` : ''}`, 'good', {
        receipt: id,
        ...(url !== undefined && { url }),
        revision,
      });
    }
    default: {
      const words = to === 'unknown' ? 'got no clear answer' : to;
      return told(`${name} ${words}${because(detail)}`, 'bad', detail === undefined ? {} : { why: detail });
    }
  }
}

/** A try that followed another one, and what became of that. */
function tryEvent(story: JobStory, at: number): TraceEvent[] {
  const next = story.tries[at];
  if (!next || next.number < 2) return [];
  const before = story.tries.find(({ step, number }) => step === next.step && number === next.number - 1);
  const silent =
    before?.outcome === 'superseded'
      ? `; try ${before.number}, by ${before.worker}, told no end: it gave its place back to wait, or its worker was gone`
      : '';
  const batch = story.batches.find(({ id }) => id === next.batchId)?.name;
  return [
    {
      at: next.startedAt,
      kind: 'try',
      text: `try ${next.number} of ${next.step === 'agent' ? 'the agent step' : next.step}${silent}`,
      tone: 'plain',
      source: 'ledger',
      ...(batch !== undefined && { batch }),
      runId: next.runId,
      attempt: next.activityAttempt,
      by: next.worker,
      facts: {
        step: next.step,
        try: next.number,
      },
    },
  ];
}

/** The batch whose run wrote a row: a row of `history` names the run, the tries name its batch. */
function batchOf({ by }: HistoryRow, { tries, batches }: JobStory): string | undefined {
  const { runId } = parseWriter(by);
  const known = tries.find((each) => each.runId === runId)?.batchId;
  return known ?? (batches.length === 1 ? batches[0]?.id : undefined);
}

/** `3 sessions, 1 of them wasted, 0.12 USD`, of those that began. */
export function spendText(story: JobStory): string {
  const sessions = story.sessions.filter(({ neverRan }) => !neverRan);
  const byCurrency = new Map<string, number>();
  for (const { currency, usage } of sessions)
    byCurrency.set(currency, (byCurrency.get(currency) ?? 0) + usage.costMicros);
  const wasted = sessions.filter(({ state }) => ['failed', 'lost', 'cancelled'].includes(state)).length;
  const known = sessions.some(({ usage }) => usage.costSource !== 'none');
  const sums = [...byCurrency].map(([currency, micros]) => moneyOfMicros(micros, currency));
  return [
    plural(sessions.length, 'session'),
    ...(wasted > 0 ? [`${wasted} of them wasted`] : []),
    ...(known || sessions.length === 0 ? sums : ['cost not known']),
  ].join(', ');
}
