// What is an alert and what is not, without any server.
import { describe, expect, test } from 'vitest';
import type { JobReport } from '../../src/contract/result.js';
import type { BatchState } from '../../src/contract/states.js';
import { nextReminder } from '../../src/policy/alert-times.js';
import { alertCauses, type AlertStanding, type CauseOfNight, overNights } from '../../src/policy/alerts.js';
import { stoppedByArtifacts } from '../../src/policy/own-artifacts.js';
import { judgeNight } from '../../src/policy/night-alerts.js';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-11-24T06:00:00Z');

type Unfinished = AlertStanding['unfinished'][number];

const commands = {
  status: 'nightshift status nightly',
  run: 'nightshift run <its batch file>',
  retry: 'nightshift retry nightly',
  approve: 'nightshift approve nightly',
  resume: 'nightshift resume nightly',
  lanes: 'nightshift lanes',
};

function standing(changes: Partial<AlertStanding> = {}): AlertStanding {
  return {
    name: 'nightly',
    state: 'incomplete',
    stateBy: 'batch',
    reason: undefined,
    jobs: 100,
    waiting: 0,
    approvals: { waiting: 0 },
    unfinished: [],
    provider: 'claude',
    publishers: new Map([['post', 'ghost']]),
    closed: [],
    nowMs: NOW,
    commands,
    ...changes,
  };
}

function job(
  state: JobReport['state'],
  errorClass: NonNullable<JobReport['error']>['class'],
  at: number,
  message = 'no',
): Unfinished {
  const key = String(at).padStart(32, '0');
  return {
    key,
    title: `blog / ${at}`,
    identity: { slug: String(at) },
    state,
    effects: [{ name: 'post', target: 'blog', state: 'pending' }],
    error: { class: errorClass, message },
  };
}

const jobs = (
  count: number,
  ...of: [JobReport['state'], NonNullable<JobReport['error']>['class'], string?]
) => Array.from({ length: count }, (_, at) => job(of[0], of[1], at, of[2]));

const rules = (given: AlertStanding) => alertCauses(given).map(({ rule }) => rule);

test('a batch that came to its end gives no cause, whatever had to be tried again', () => {
  expect(alertCauses(standing({ state: 'completed' }))).toEqual([]);
});

test('what is wrong in the batch file is mended by a start, for a retry does not read it', () => {
  for (const errorClass of ['config', 'budget'] as const) {
    const [cause] = alertCauses(standing({ unfinished: jobs(2, 'gated', errorClass) }));
    expect(cause?.detail.next[0]).toMatchObject({
      what: expect.stringContaining('in the batch file, then start it from the file') as string,
      command: commands.run,
    });
  }
  const [conflict] = alertCauses(standing({ unfinished: jobs(2, 'held', 'conflict') }));
  expect(conflict?.detail.next.at(-1)?.command).toBe(commands.run);
});

test('one cause for forty jobs that were refused, with a count, three examples and the next command', () => {
  const [cause, ...others] = alertCauses(standing({ unfinished: jobs(40, 'gated', 'auth'), waiting: 60 }));
  expect(others).toEqual([]);
  expect(cause).toMatchObject({
    rule: 'auth',
    subject: 'claude',
    detail: {
      headline: 'claude refuses the credentials, so no job can go on; 60 of 100 jobs wait',
      jobs: 40,
      of: 100,
      next: [
        {
          what: expect.stringContaining('they read variables at their start') as string,
          command: commands.retry,
        },
        { command: commands.run },
        { command: commands.status },
      ],
    },
  });
  expect(cause?.detail.examples).toHaveLength(3);
});

test('causes differ by destination and by error class, and keep their fingerprint from night to night', () => {
  const unfinished = [
    job('parked', 'rejected', 1),
    job('parked', 'invalid', 2, 'post: HTTP 422'),
    job('parked', 'invalid', 3, 'post: HTTP 422'),
    job('held', 'unknown', 4, 'post: no answer'),
    job('held', 'conflict', 5),
  ];
  const tonight = alertCauses(standing({ unfinished }));
  expect(
    tonight.map(({ rule, subject, errorClass, detail }) => [rule, subject, errorClass, detail.jobs]),
  ).toEqual([
    ['parked', 'claude', 'rejected', 1],
    ['parked', 'post (ghost)', 'invalid', 2],
    ['unclear', 'post (ghost)', 'unknown', 1],
    ['conflict', '', 'conflict', 1],
  ]);
  const tomorrow = alertCauses(standing({ unfinished: unfinished.slice(1, 2), nowMs: NOW + 24 * HOUR }));
  expect(tomorrow[0]?.fingerprint).toBe(tonight[1]?.fingerprint);
  expect(new Set(tonight.map(({ fingerprint }) => fingerprint)).size).toBe(4);
});

test('while a batch runs only what cannot wait is told: parked and held jobs are told at its end', () => {
  const unfinished = [
    job('parked', 'rejected', 1),
    job('held', 'unknown', 2, 'post: no answer'),
    job('gated', 'budget', 3),
  ];
  expect(rules(standing({ state: 'running', unfinished }))).toEqual(['budget']);
  expect(rules(standing({ unfinished }))).toEqual(['parked', 'unclear', 'budget']);
});

describe('effects that wait for approval', () => {
  const asking: Unfinished[] = [1, 2, 3].map((at) => {
    const { error: _, ...rest } = job('gated', 'bug', at);
    return rest;
  });
  const asked = (changes: Partial<AlertStanding> = {}) =>
    standing({
      state: 'running',
      approvals: { waiting: 3 },
      unfinished: [...asking, job('parked', 'rejected', 4)],
      ...changes,
    });

  test('are one alert with their number and where to answer, once nothing else is left to do', () => {
    expect(rules(asked({ waiting: 5 }))).toEqual([]);
    expect(rules(asked())).toEqual(['approval', 'parked']); // what was kept for the end would not be told for days
    expect(alertCauses(asked())[0]).toMatchObject({
      subject: '',
      detail: {
        headline: '3 effects wait for approval',
        jobs: 3,
        next: [{ command: 'nightshift approve nightly' }],
      },
    });
  });

  test('are told at once where the time for an answer is limited', () => {
    const limited = asked({
      waiting: 5,
      approvals: { waiting: 3, limit: { until: '2026-11-24 09:00:00 CET', then: 'hold' } },
    });
    expect(rules(limited)).toEqual(['approval']);
    expect(alertCauses(limited)[0]?.detail.headline).toBe(
      '3 effects wait for approval until 2026-11-24 09:00:00 CET; what nobody has answered then is held, and a late yes is still good; 5 of 100 jobs wait',
    );
  });

  test('whose time ran out are that alert, told as another matter, with a command that works', () => {
    const late = (errorClass: 'timeout' | 'rejected') => ({
      ...job('held', errorClass, 1),
      unapproved: 'unanswered' as const,
    });
    const [held, ...others] = alertCauses(asked({ waiting: 5, unfinished: [...asking, late('timeout')] }));
    expect(others).toEqual([]);
    expect(held?.fingerprint).toBe(alertCauses(asked())[0]?.fingerprint);
    expect(held).toMatchObject({
      rule: 'unanswered',
      detail: {
        headline:
          'the time for approval ran out, and nobody had answered: 1 of 100 jobs was held, and a late yes is still good; 5 of 100 jobs wait',
        next: [{ command: commands.approve }, { command: commands.run }],
      },
    });
    const [denied] = alertCauses(standing({ unfinished: [late('rejected'), late('rejected')] }));
    expect(denied?.detail).toMatchObject({
      headline: 'the time for approval ran out, and nobody had answered: 2 of 100 jobs were rejected',
      next: [{ command: `${commands.retry} --job ${'1'.padStart(32, '0')}` }, { command: commands.status }],
    });
  });

  test('and that a person has rejected ask nothing of anybody', () => {
    const rejected = { ...job('held', 'rejected', 1), unapproved: 'rejected' as const };
    expect(rules(standing({ unfinished: [rejected], settled: true }))).toEqual([]);
    expect(rules(standing({ unfinished: [rejected, job('parked', 'bug', 2)] }))).toEqual(['parked']);
  });

  test('are the same alert however many there are, and none when all have been answered', () => {
    const [one] = alertCauses(asked({ approvals: { waiting: 1 }, unfinished: asking.slice(2) }));
    expect(one?.fingerprint).toBe(alertCauses(asked())[0]?.fingerprint);
    expect(rules(asked({ approvals: { waiting: 0 }, unfinished: [] }))).toEqual([]);
  });
});

test.each([
  ['transient', 'down'],
  ['config', 'config'],
] as const)(
  'of jobs that our artifacts stop, with class %s, no service is said to be down',
  (errorClass, rule) => {
    const message = stoppedByArtifacts(
      "the artifact can't be stored [root=/s/artifacts]: ENOSPC (patience is over)",
    );
    const unfinished = jobs(2, 'gated', errorClass, message);
    expect(alertCauses(standing({ waiting: 3, unfinished }))).toMatchObject([
      {
        rule,
        subject: 'artifacts',
        detail: {
          headline: 'artifacts can’t be stored or read, so no job can go on; 3 of 100 jobs wait',
          jobs: 2,
          next: [{ what: 'when artifacts can be stored and read again, go on', command: commands.retry }],
        },
      },
    ]);
  },
);

test('a stop-loss is told, a pause by a person is not', () => {
  const reason = '10 jobs ended with some error';
  expect(rules(standing({ state: 'paused', stateBy: 'stop-loss', reason }))).toEqual(['stop-loss']);
  expect(rules(standing({ state: 'paused', stateBy: 'ann@host', reason }))).toEqual([]);
});

describe('a service that is closed to us', () => {
  const closed = (cause: 'transient' | 'exhausted', sinceMs: number, retryAtMs: number) =>
    standing({
      state: 'running',
      closed: [{ subject: 'claude', cause, sinceMs: NOW - sinceMs, retryAtMs: NOW + retryAtMs, why: '503' }],
    });

  test('is quiet while it may still come back by itself', () => {
    expect(rules(closed('transient', 10 * 60_000, 60_000))).toEqual([]);
    expect(rules(closed('exhausted', 1000, 20 * 60_000))).toEqual([]);
  });
  test('is told when it stays away, or its quota does', () => {
    expect(rules(closed('transient', 40 * 60_000, 60_000))).toEqual(['down']);
    expect(rules(closed('exhausted', 1000, 5 * HOUR))).toEqual(['quota']);
  });
  test('is told at once when its quota does not come back by itself, however soon it is looked at again', () => {
    const [service] = closed('exhausted', 1000, HOUR - 1000).closed;
    if (service === undefined) throw new Error('one is closed');
    const [cause] = alertCauses(
      standing({ state: 'running', waiting: 3, closed: [{ ...service, needsPerson: true }] }),
    );
    expect(cause).toMatchObject({
      rule: 'quota',
      subject: 'claude',
      detail: {
        headline:
          'the balance or a spend limit at claude is used up, and does not come back by itself; 3 of 100 jobs wait',
        next: [{ what: expect.stringContaining('raise the limit') as string, command: commands.lanes }],
      },
    });
  });
  test('is told when its quota was put off again and again for an hour, and of an hour from its beginning on', () => {
    expect(rules(closed('exhausted', 40 * 60_000, 10 * 60_000))).toEqual([]);
    expect(rules(closed('exhausted', 51 * 60_000, 10 * 60_000))).toEqual(['quota']);
    expect(rules(closed('exhausted', 10 * 60_000, 50 * 60_000)), 'looked at after ten minutes').toEqual([
      'quota',
    ]);
  });
  test('is not told when the time of its next look has come: nobody knows what that will find', () => {
    expect(rules(closed('exhausted', 20 * HOUR, -1000))).toEqual([]);
    expect(rules(closed('transient', 20 * HOUR, -1000)), 'nor has anybody asked in a pause').toEqual([]);
  });
  test('is one cause with the jobs that gave up waiting for it, also where it is down', () => {
    const gated = standing({ unfinished: jobs(2, 'gated', 'transient', '503'), waiting: 3 });
    const causes = alertCauses({ ...closed('transient', HOUR, 48 * HOUR), ...gated, closed: [] });
    expect(causes).toMatchObject([
      { rule: 'down', detail: { jobs: 2, next: [{ command: commands.retry }] } },
    ]);
    const together = alertCauses({ ...gated, closed: closed('transient', HOUR, 48 * HOUR).closed });
    expect(together.map(({ fingerprint }) => fingerprint)).toEqual([causes[0]?.fingerprint]);
  });
  test('is one cause with the jobs that it has stopped: until when, how many, and how to go on', () => {
    for (const state of ['running', 'incomplete'] as const) {
      const [cause, ...others] = alertCauses({
        ...closed('exhausted', 1000, 48 * HOUR),
        state,
        unfinished: jobs(3, 'gated', 'exhausted', '429'),
        waiting: 5,
      });
      expect(others).toEqual([]);
      expect(cause).toMatchObject({
        rule: 'quota',
        subject: 'claude',
        detail: {
          headline: 'the quota at claude is used up until 2026-11-26T06:00:00.000Z; 5 of 100 jobs wait',
          jobs: 3,
          of: 100,
          next: [{ command: commands.lanes }, { command: commands.retry }],
        },
      });
      expect(cause?.detail.examples).toHaveLength(3);
    }
  });
});

test('a run that ended unfinished for no other reason says so, and a failed one says why', () => {
  expect(rules(standing({ waiting: 4 }))).toEqual(['incomplete']);
  const [failed] = alertCauses(standing({ waiting: 4, reason: 'the list of jobs is damaged' }));
  expect(failed?.detail.headline).toContain('the list of jobs is damaged');
  expect(rules(standing({ state: 'cancelled', waiting: 4 }))).toEqual([]);
  const stopped = [
    ...jobs(2, 'parked', 'rejected'),
    ...jobs(1, 'held', 'unknown'),
    ...jobs(1, 'gated', 'auth'),
  ];
  expect(rules(standing({ state: 'cancelled', waiting: 4, unfinished: stopped }))).toEqual([]);
});

test('an open alert is told again after 4, 8 and 16 hours, then once a day', () => {
  expect([0, 1, 2, 3, 9].map((told) => nextReminder(0, told) / HOUR)).toEqual([4, 8, 16, 24, 24]);
});

describe('a night', () => {
  const night = (last: Parameters<typeof judgeNight>[0]['last'], idleMs?: number) =>
    judgeNight({
      name: 'nightly',
      nowMs: NOW,
      withinMs: 24 * HOUR,
      longestMs: 8 * HOUR,
      ...(last && { last }),
      ...(idleMs !== undefined && { idleMs }),
      commands: { status: 's', doctor: 'd' },
    });
  const run = (state: BatchState, agoMs: number, finished: number, told = false) => ({
    state,
    openedMs: NOW - agoMs,
    closedMs: state === 'running' ? undefined : NOW - agoMs + HOUR,
    jobs: 10,
    finished,
    told,
  });

  test.each([
    ['happened', night(run('completed', 5 * HOUR, 10)), undefined],
    ['is under way', night(run('running', 5 * HOUR, 2)), undefined],
    ['never ran', night(undefined), 'missed'],
    ['did not run again', night(run('completed', 30 * HOUR, 0)), 'missed'],
    ['finished nothing', night(run('incomplete', 5 * HOUR, 0)), 'empty'],
    ['was cancelled', night(run('cancelled', 5 * HOUR, 0)), undefined],
    ['was cancelled, and did not run again', night(run('cancelled', 30 * HOUR, 0)), 'missed'],
    ['found all done already', night(run('completed', 50 * HOUR, 0), NOW - HOUR), 'empty'],
    ['goes on and on', night(run('running', 9 * HOUR, 2)), 'late'],
  ] as const)('that %s', (_, { status, cause }, rule) => {
    expect(cause?.rule).toBe(rule);
    expect(status).toBe(rule === undefined ? 'ok' : 'fail');
  });

  test('whose jobs have all been parked is not told twice, and is no good night', () => {
    const { status, cause } = night(run('incomplete', 5 * HOUR, 0, true));
    expect([status, cause]).toEqual(['fail', undefined]);
  });
});

test('a held session is no question about an effect: who is told has to look at the service, and ask for that job', () => {
  const [cause, ...others] = alertCauses(
    standing({
      unfinished: [{ ...job('held', 'unknown', 7, 'the start got no answer'), heldForSession: true }],
    }),
  );
  expect(others).toEqual([]);
  expect(cause).toMatchObject({ rule: 'held', subject: 'claude' });
  expect(cause?.detail.next[0]?.command).toBe(`nightshift retry nightly --job ${'7'.padStart(32, '0')}`);
});

test('a run that was refused before its first job is a matter of configuration, with why and what to do', () => {
  const why = 'effect "post": 401';
  const causes = alertCauses(standing({ stateBy: 'preflight', reason: why, waiting: 100 }));
  expect(causes).toMatchObject([
    {
      rule: 'config',
      detail: {
        headline: 'nothing was started, 100 of 100 jobs wait',
        jobs: 100,
        examples: [{ message: why }],
        next: [{ command: commands.run }, { command: commands.retry }, { command: commands.status }],
      },
    },
  ]);
});

describe('what several nights have left', () => {
  const ofNight = (openedSeq: number, more: Partial<CauseOfNight> = {}): CauseOfNight => ({
    fingerprint: 'f',
    rule: 'approval',
    subject: '',
    errorClass: undefined,
    detail: {
      headline: `night ${openedSeq}`,
      jobs: 1,
      of: 10,
      examples: [{ key: `job-${openedSeq}`, title: '', message: '' }],
      next: [{ what: 'answer', command: `approve ${openedSeq}` }],
    },
    batchId: `batch-${openedSeq}`,
    night: `night ${openedSeq}`,
    openedSeq,
    isTold: true,
    isAtOnce: false,
    ...more,
  });

  test('is one alert, about the newest night; of more than four the commands are not spelt out', () => {
    const [alert, ...others] = overNights([3, 5, 1, 2, 4].map((seq) => ofNight(seq)));
    expect(others).toEqual([]);
    expect(alert).toMatchObject({ batchId: 'batch-5', detail: { headline: 'night 5', jobs: 5, of: 50 } });
    expect(alert?.detail.next).toEqual([
      { what: 'answer', command: 'approve 5' },
      { what: 'of night 4: answer', command: 'approve 4' },
      { what: 'of night 3: answer', command: 'approve 3' },
      { what: 'of night 2: answer', command: 'approve 2' },
    ]);
  });

  test('is about one that tells of it by now before one still under way, and about time that ran out before a question', () => {
    const underWay = ofNight(9, { isTold: false });
    expect(overNights([underWay, ofNight(1)])[0]?.batchId).toBe('batch-1');
    const late = ofNight(2, { rule: 'unanswered', isAtOnce: true });
    expect(overNights([underWay, ofNight(3), late])).toMatchObject([
      { batchId: 'batch-2', rule: 'unanswered' },
    ]);
  });

  test('is about a question with a time limit before time that ran out in an older night, which is said beside it once', () => {
    const asking = ofNight(4, { isAtOnce: true });
    const late = [1, 2, 3].map((seq) => ofNight(seq, { rule: 'unanswered', isAtOnce: true }));
    expect(overNights([...late, asking])).toMatchObject([
      {
        batchId: 'batch-4',
        rule: 'approval',
        detail: {
          headline: 'night 4; of night 3: night 3',
          nights: [
            { batchId: 'batch-4', atOnce: 'approval' },
            { batchId: 'batch-3', atOnce: 'unanswered' },
            { batchId: 'batch-2', atOnce: 'unanswered' },
            { batchId: 'batch-1', atOnce: 'unanswered' },
          ],
        },
      },
    ]);
  });
});
