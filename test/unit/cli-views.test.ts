// Views of a batch as pure functions: a snapshot, a report, a plan or a status becomes lines.
import { describe, expect, test } from 'vitest';
import { liveLines } from '../../src/cli/live-lines.js';
import { LogLines } from '../../src/cli/log-lines.js';
import { PaceMeter } from '../../src/cli/pace.js';
import { planLines } from '../../src/cli/plan-lines.js';
import { receiptLines } from '../../src/cli/ledger-show.js';
import type { Interrupts } from '../../src/cli/interrupts.js';
import type { Output } from '../../src/cli/output.js';
import { Shell } from '../../src/cli/shell.js';
import { statusLines } from '../../src/cli/status.js';
import type { BatchStatus, Plan } from '../../src/client/nightshift.js';
import type { Snapshot } from '../../src/client/watch.js';
import { ERROR_CLASSES } from '../../src/contract/errors.js';
import type { JobReport, RunReport } from '../../src/contract/result.js';
import { BATCH_STATES } from '../../src/contract/states.js';
import { widthOf } from '../../src/report/columns.js';
import { localTime } from '../../src/report/format.js';
import { rendered, type Line } from '../../src/report/line.js';
import { runSummary } from '../../src/report/run-summary.js';

const OPENED = '2026-11-23T02:00:00.000Z';
const NOW = Date.parse(OPENED) + 72_000;
const KEY = 'd54377b09e326f79edd7ae454a87be49';
const commands = {
  approve: 'nightshift approve nightly',
  run: 'nightshift run batch.yaml',
  retry: 'nightshift retry nightly',
  resume: 'nightshift resume nightly',
  cancel: 'nightshift cancel nightly',
  receipts: 'nightshift ledger show nightly',
};
const text = (lines: readonly Line[], columns?: number) =>
  lines.map((line) => rendered(line, undefined, columns)).join('\n');

const noJobs = { jobs: 0, done: 0, adopted: 0, parked: 0, held: 0, cancelled: 0 };
const parked: JobReport = {
  key: KEY,
  identity: { site: 'blog', slug: 'bread' },
  state: 'parked',
  effects: [],
  error: { class: 'rejected', message: 'too \x1b[31mshort\nby 10 words' },
};
const snapshot = (change: Partial<Snapshot> = {}): Snapshot => ({
  state: 'running',
  reason: undefined,
  counts: { ...noJobs, jobs: 12, done: 5, adopted: 2, parked: 1, waiting: 2, running: 2, gated: 0 },
  active: ['soup', '日本語のとても長いスラッグ名前テスト'].map((slug) => ({
    work: 'article',
    jobKey: KEY,
    identity: { site: 'blog', slug },
    state: 'running',
    step: 'agent',
    sessionless: slug !== 'soup',
    since: '2026-11-23T02:01:00.000Z',
  })),
  troubled: [parked],
  waitsFor: [],
  openedAt: OPENED,
  hosting: true,
  ...change,
});
const claudeIsDown = {
  kind: 'service',
  subject: 'claude',
  cause: 'transient',
  sinceMs: NOW - 60_000,
  retryAtMs: NOW + 30_000,
  why: 'can’t be reached:\x1b[31m ECONNREFUSED',
} as const;
const budgetUsedUp = {
  kind: 'budget',
  jobs: 4,
  why: 'budget.perDay is used up until 2026-11-24T00:00:00.000Z, or until it is raised: all batches, …',
} as const;
const SAID_OF_BUDGET =
  /the budget \(4 jobs\): budget\.perDay is used up until 2026-11-2[345] \d\d:\d\d:00 \S+, or until it is raised/;
const context = {
  name: 'nightly',
  nowMs: NOW,
  sinceMs: NOW,
  columns: 80,
  pace: { jobsPerMinute: 4.25, leftMs: 60_000 },
  resume: commands.resume,
};

describe('the live view', () => {
  test('says how far the batch is, how fast, what runs and what is wrong', () => {
    const shown = text(liveLines(snapshot(), context), 80);
    expect(shown).toContain('nightly  running  1 min 12 s');
    expect(shown).toContain('7/12');
    expect(shown).toContain('5 done, 2 found done, 2 running, 1 parked, 2 waiting');
    expect(shown).toContain('4.3 jobs/min, about 1 min left');
    expect(shown).toContain('blog / soup  agent  12 s');
    expect(shown).toMatch(/日本.* {2}before its session {2}12 s/);
    expect(shown).toContain('parked blog / bread  rejected: too short by 10 words');
  });

  test('a service that is closed to us is named, once in a log', () => {
    const waiting = snapshot({ waitsFor: [claudeIsDown], troubled: [] });
    const said =
      /waits for claude: the service fails too often; next look at .+: can’t be reached: ECONNREFUSED/;
    expect(text(liveLines(waiting, { ...context, columns: 200 }))).toMatch(said);
    const log = new LogLines();
    log.next({ ...waiting, waitsFor: [] }, 0);
    expect(text(log.next(waiting, 2_000))).toMatch(said);
    expect(
      text(log.next({ ...waiting, waitsFor: [{ ...claudeIsDown, retryAtMs: NOW }] }, 40_000)),
    ).not.toMatch(said);
  });

  test('a used-up budget is named with the time at which it begins anew, here, and once in a log', () => {
    const waiting = snapshot({ waitsFor: [budgetUsedUp], troubled: [] });
    expect(text(liveLines(waiting, { ...context, columns: 200 }))).toMatch(SAID_OF_BUDGET);
    const log = new LogLines();
    expect(text(log.next(waiting, 0))).toMatch(SAID_OF_BUDGET);
    expect(text(log.next({ ...waiting, waitsFor: [{ ...budgetUsedUp, jobs: 5 }] }, 40_000))).not.toMatch(
      SAID_OF_BUDGET,
    );
  });

  test('a pause says why, and how to go on', () => {
    const shown = text(liveLines(snapshot({ state: 'paused', reason: 'blog moves' }), context));
    expect(shown).toContain('paused: blog moves');
    expect(shown).toContain('go on with: nightshift resume nightly');
  });

  test.each([12, 20, 33, 80, 200])('at %i columns no line is wider, and the bar adds up', (columns) => {
    const lines = liveLines(snapshot(), { ...context, columns });
    for (const line of lines) expect(widthOf(rendered(line, undefined, columns - 1))).toBeLessThan(columns);
    const bar = rendered(lines[1] ?? []);
    expect(bar.replace(/[^█▒░]/gu, '').length).toBeGreaterThanOrEqual(10);
  });

  test.each([
    [1, 99_999],
    [99_999, 1],
    [3, 3],
  ])('a bar of %i done and %i waiting shows both', (done, waiting) => {
    const counts = { ...noJobs, jobs: done + waiting, done, waiting, running: 0, gated: 0 };
    const bar = rendered(liveLines(snapshot({ counts }), context)[1] ?? []);
    expect(bar).toContain('█');
    expect(bar).toContain('░');
  });

  test('a batch not yet open has no bar', () => {
    const counts = { ...noJobs, waiting: 0, running: 0, gated: 0 };
    const starting = snapshot({ state: 'starting', counts, active: [], troubled: [], openedAt: undefined });
    expect(text(liveLines(starting, { ...context, pace: undefined }))).toBe('nightly  starting  0 s');
  });
});

describe('lines of a log', () => {
  test('come on change, at most one a second, and at least one in thirty', () => {
    const log = new LogLines();
    const first = snapshot();
    const second = snapshot({ counts: { ...first.counts, done: 6, running: 1 } });
    expect(log.next(first, 0)).toHaveLength(2); // the trouble, then the counts
    expect(log.next(second, 500)).toEqual([]);
    expect(text(log.next(second, 1_000))).toContain('8 of 12 finished: 6 done');
    expect(log.next(second, 20_000)).toEqual([]);
    expect(log.next(second, 31_000)).toHaveLength(1);
  });

  test('trouble is told once, on one line', () => {
    const log = new LogLines();
    const [trouble] = log.next(snapshot(), 0).map((line) => rendered(line));
    expect(trouble).toMatch(/parked: blog \/ bread: rejected: too short by 10 words$/);
    const changed = snapshot({ counts: { ...snapshot().counts, done: 6 } });
    expect(log.next(changed, 2_000)).toHaveLength(1);
  });
});

test('a time in what was said of a job is said by the clock on the wall, live and in a log', () => {
  const at = '2026-11-23T01:33:16.014Z';
  const error = { class: 'timeout', message: `nobody has approved it by ${at}` } as const;
  const now = snapshot({ troubled: [{ ...parked, error }] });
  const log = new LogLines().next(now, 0).map((line) => rendered(line));
  for (const said of [text(liveLines(now, { ...context, columns: 120 })), log.join('\n')]) {
    expect(said).toContain(`by ${localTime(at)}`);
    expect(said).not.toContain(at);
  }
});

describe('the pace', () => {
  test('needs some seconds and a finished job before it promises anything', () => {
    const meter = new PaceMeter();
    expect(meter.measure(0, 0, 10)).toBeUndefined();
    expect(meter.measure(1_000, 3, 7)).toBeUndefined();
    expect(meter.measure(60_000, 5, 5)).toEqual({ jobsPerMinute: 5, leftMs: 60_000 });
  });

  test('forgets what was long ago', () => {
    const meter = new PaceMeter();
    for (let minute = 0; minute <= 20; minute++) meter.measure(minute * 60_000, minute * 10, 100);
    const slow = [21, 25, 30, 35].map((minute) => meter.measure(minute * 60_000, 180 + minute, 100));
    expect(slow.at(-1)?.jobsPerMinute).toBeLessThan(3);
  });
});

describe('the summary of a run', () => {
  const report = (change: Partial<RunReport> = {}): RunReport => ({
    batch: { name: 'nightly', key: KEY, workflowId: 'batch:nightly:x', runId: 'r', result: 'incomplete' },
    counts: { ...noJobs, jobs: 3, done: 1, adopted: 1, parked: 1 },
    sessions: { started: 2, attached: 1, wasted: 1 },
    effects: { landed: 1, adopted: 1, unknown: 0, held: 0 },
    cost: { currency: 'EUR', total: 0.42, wasted: 0.1, unknown: 0 },
    jobs: [
      {
        key: KEY,
        identity: { slug: 'soup' },
        state: 'done',
        effects: [{ name: 'post', target: 't', state: 'landed', id: '7', url: 'https://blog.example/soup' }],
      },
      { key: KEY, identity: { slug: 'tea' }, state: 'adopted', effects: [] },
      parked,
    ],
    ...change,
  });

  test('a wider pause is named with who and why, and with the command that lifts it alone', () => {
    const hold = {
      scope: { kind: 'provider', name: 'command' },
      level: 'finish',
      by: 'ann@host',
      reason: 'moving \x1b[31mhouse',
      since: OPENED,
    } as const;
    const flags = { color: false, edition: '2026-11-23' };
    const shell = new Shell(flags, {} as Output, {} as Interrupts);
    const lifting = shell.commandsFor(['nightly'], { hold });
    const paused = { ...report().batch, result: 'paused' } as const;
    const summary = text(runSummary(report({ batch: paused, hold }), lifting, 0));
    expect(summary).toContain('provider command is paused by ann@host: moving house (finish, since');
    expect(summary).toContain('next: go on: nightshift resume --provider command');
    expect(summary).not.toContain('resume nightly');
    expect(summary, 'a pause beyond one batch is of no night').not.toContain('command --edition');
    expect(shell.command('up')).toBe('nightshift up');
    expect(shell.commandsFor(['nightly']).resume).toBe('nightshift resume nightly --edition 2026-11-23');
    const night = shell.commandsFor(['nightly', '--edition', '2026-11-22']);
    expect(night.retry, 'the batch says its night itself').toBe(
      'nightshift retry nightly --edition 2026-11-22',
    );
    expect(shell.commandsFor([`batch:nightly:${KEY}`]).retry).toBe(`nightshift retry batch:nightly:${KEY}`);
  });

  test('says what was done, what it cost, where it is, and what to do next', () => {
    const shown = text(runSummary(report(), commands, 72_000));
    expect(shown).toContain('nightly: incomplete, 2 of 3 jobs finished, in 1 min 12 s');
    expect(shown).toContain('1 done, 1 found done, 1 parked');
    expect(shown).toContain('2 started, 1 attached, 1 wasted');
    expect(shown).toContain('0.42 EUR, 0.10 EUR of it wasted');
    expect(shown).toContain('https://blog.example/soup');
    expect(shown).toContain('1 job needs a person:');
    expect(shown).toContain('rejected: too short by 10 words');
    expect(shown).toContain('nightshift retry nightly');
  });

  test('a reason that several jobs were given is said once, with their number', () => {
    const error = { class: 'budget', message: 'the batch used 5 USD: raise budget.perBatch' } as const;
    const jobs = Array.from({ length: 12 }, (_, at): JobReport => {
      const { error: _e, ...job } = parked;
      return { ...job, key: String(at), state: 'gated', error };
    });
    const shown = text(runSummary(report({ jobs: [...jobs, parked] }), commands, 0));
    expect(shown.split('the batch used 5 USD')).toHaveLength(2);
    expect(shown).toContain('budget: the batch used 5 USD: raise budget.perBatch (12 jobs)');
    expect(shown).toContain('13 jobs need a person:');
    expect(shown).toContain('and 3 more');
  });

  test('a job that waits for tomorrow’s budget needs no person, and is started again then', () => {
    const { error: _, ...job } = parked;
    const error = { class: 'budget', message: budgetUsedUp.why } as const;
    const shown = text(runSummary(report({ jobs: [{ ...job, state: 'gated', error }] }), commands, 0));
    expect(shown).not.toContain('need');
    expect(shown).toContain('1 job waits for the next day of a budget:');
    expect(shown).toMatch(
      /next: when the budget has room again, .*, or where you raise it, now: nightshift run/,
    );
  });

  test('a finished batch started again is one line of zeros', () => {
    const again = report({
      batch: { ...report().batch, result: 'already-completed' },
      counts: { ...noJobs, jobs: 12, adopted: 12 },
      sessions: { started: 0, attached: 0, wasted: 0 },
      effects: { landed: 0, adopted: 12, unknown: 0, held: 0 },
      cost: { currency: 'USD', total: 0, wasted: 0, unknown: 0 },
    });
    expect(text(runSummary(again, commands, 10))).toBe(
      'nightly: already completed: nothing to do; 12 jobs done earlier, 0 sessions, 0 effects, 0.00 USD',
    );
  });

  test.each([
    ['gated', 'auth', 'credentials'],
    ['gated', 'config', 'configuration'],
    ['gated', 'exhausted', 'quota'],
    ['held', 'conflict', 'revision'],
    ['held', 'unknown', 'nightshift approve nightly'],
    ['parked', 'rejected', 'nightshift retry nightly'],
  ] as const)('a job %s by %s is told what helps: %s', (state, errorClass, advice) => {
    const effects: JobReport['effects'] = [{ name: 'post', target: 't', state: 'unknown' }];
    const job: JobReport = { ...parked, state, effects, error: { class: errorClass, message: 'why' } };
    const next = text(runSummary(report({ jobs: [job] }), commands, 0))
      .split('\n')
      .filter((line) => line.startsWith('next: '));
    expect(new Set(next).size, 'each advice once').toBe(next.length);
    expect(next[0]).toContain(advice);
  });
});

describe('the plan', () => {
  const plan = (jobs: number): Plan => ({
    name: 'nightly',
    key: KEY,
    workflowId: 'batch:nightly:x',
    counts: { new: jobs, resume: 0, adopt: 1, update: 0, conflict: 0, parked: 0, held: 0, discarded: 0 },
    toRun: jobs,
    waiting: 0,
    warnings: [],
    earlier: [],
    looked: false,
    cost: { from: 'nothing', sessions: jobs },
    refused: [],
    jobs: [
      planned('old', 'adopt', 'nothing'),
      ...Array.from({ length: jobs }, (_, at) => planned(`job-${at}`, 'new', 'create')),
    ],
  });
  const planned = (slug: string, verdict: 'adopt' | 'new', action: 'nothing' | 'create') => ({
    key: KEY,
    title: `blog / ${slug}`,
    identity: { slug },
    revision: 1,
    fingerprint: '0'.repeat(64),
    verdict,
    note: undefined,
    effects: [{ name: 'post', use: 'folder', target: 't', key: KEY, action, options: '0'.repeat(64) }],
  });

  test('names each job, its verdict and its effects, news first', () => {
    const lines = planLines(plan(2)).map((line) => rendered(line));
    expect(lines[1]).toMatch(/^blog \/ job-0 +new +post: create$/);
    expect(lines[3]).toMatch(/^blog \/ old +adopt +post: landed$/);
    expect(lines.join('\n')).toContain('nightly: 3 jobs, 2 to run');
  });

  test('is cut on a terminal only, and says how to see all of it', () => {
    expect(text(planLines(plan(100), 80))).toContain('and 61 more; all of them: --all');
    expect(text(planLines(plan(100)))).toContain('job-99');
  });
});

describe('a status', () => {
  const status: BatchStatus = {
    batch: {
      id: 'batch:nightly:x',
      name: 'nightly',
      key: KEY,
      work: 'article',
      runId: 'r',
      manifest: '{}',
      askedDefinition: undefined,
      jobs: 12,
      currency: 'USD',
      state: 'paused',
      openedSeq: 0,
      openedAt: OPENED,
      closedAt: undefined,
      openedBy: 'ann@host',
      reason: 'blog moves',
      pauseLevel: 'finish',
      stateBy: 'ann@host',
      edition: undefined,
    },
    counts: snapshot().counts,
    active: snapshot().active,
    unfinished: [parked],
    asks: 0,
    discarded: [],
    waitsFor: [claudeIsDown, budgetUsedUp],
    deadline: {
      at: OPENED,
      timeZone: 'Europe/Madrid',
      met: false,
      text: '2026-11-23 03:00 (Europe/Madrid), missed: 5 of 12 jobs are left',
    },
    canary: '3 jobs go first as canary, the others when they did well',
  };
  test('says what runs, who is needed, and what to do', () => {
    const shown = text(statusLines(status, commands, NOW));
    expect(shown).toMatch(/waits for:\n {2}claude: the service fails too often/);
    expect(shown).toMatch(SAID_OF_BUDGET);
    expect(shown).toContain('deadline  2026-11-23 03:00 (Europe/Madrid), missed: 5 of 12 jobs are left');
    expect(shown).toContain('canary    3 jobs go first as canary, the others when they did well');
    expect(shown).toContain('nightly: paused (blog moves), 7 of 12 jobs finished');
    expect(shown).toContain('by ann@host');
    expect(shown).toContain('blog / soup  agent  12 s');
    expect(shown).toMatch(/日本.* {2}before its session {2}12 s/);
    expect(shown).toContain(KEY);
    expect(shown).toContain('nightshift resume nightly');
  });

  test('of a run under way nothing is to be done for jobs that wait for tomorrow', () => {
    const { error: _, ...job } = parked;
    const waits: JobReport = {
      ...job,
      state: 'gated',
      error: { class: 'budget', message: budgetUsedUp.why },
    };
    const batch = { ...status.batch, state: 'running' as const };
    const shown = text(statusLines({ ...status, batch, unfinished: [waits] }, commands, NOW));
    expect(shown).toContain('waits for the next day of a budget:');
    expect(shown).not.toMatch(/needs a person|next:/);
  });

  test('of a batch that a wider pause holds says paused, and by what', () => {
    const batch = { ...status.batch, state: 'running' as const, reason: undefined };
    const hold = {
      scope: { kind: 'work', name: 'article' },
      level: 'finish',
      by: 'ann',
      reason: undefined,
      since: OPENED,
    } as const;
    const [head] = text(statusLines({ ...status, batch, hold }, commands, NOW)).split('\n');
    expect(head).toBe('nightly: paused (work article), 7 of 12 jobs finished');
  });

  test.each(BATCH_STATES)('of a batch that is %s never announces next steps and then has none', (state) => {
    for (const jobState of ['parked', 'held', 'gated', 'cancelled'] as const) {
      for (const errorClass of [undefined, ...ERROR_CLASSES]) {
        const { error: _, ...job } = parked;
        const stopped: JobReport = {
          ...job,
          state: jobState,
          ...(errorClass && { error: { class: errorClass, message: 'why' } }),
        };
        for (const unfinished of [[], [stopped]]) {
          const batch = { ...status.batch, state };
          const lines = statusLines({ ...status, batch, unfinished }, commands, NOW).map((line) =>
            rendered(line).trim(),
          );
          const at = lines.indexOf('next:');
          if (at >= 0) expect(lines[at + 1], `${jobState} ${errorClass}`).toMatch(/nightshift \w/);
        }
      }
    }
  });
});

test('receipts show local time, job, effect, id and address', () => {
  const [, line] = receiptLines(
    [
      {
        effectKey: KEY,
        revision: 1,
        id: '42',
        url: 'https://blog.example/42',
        sha256: 'a'.repeat(64),
        landedAt: OPENED,
        adopted: true,
        work: 'article',
        jobKey: KEY,
        identity: { site: 'blog', slug: 'soup' },
        name: 'post',
        target: 't',
        use: 'folder',
        batchId: 'batch:nightly:1',
      },
    ],
    undefined,
    'UTC',
  ).map((row) => rendered(row));
  expect(line).toBe('2026-11-23 02:00:00 UTC  blog / soup  post (found)  42  https://blog.example/42');
});
