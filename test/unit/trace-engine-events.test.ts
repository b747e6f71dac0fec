// What the engine's histories add to the story of a job: read from histories of real runs.
import { readFileSync } from 'node:fs';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { expect, test } from 'vitest';
import type { HistoryEvent } from '../../src/client/cancel-request.js';
import { engineEvents } from '../../src/client/trace/engine-events.js';

const HISTORIES = new URL('../replay/histories/0.1.0/', import.meta.url);

function eventsOf(name: string) {
  const { history } = JSON.parse(readFileSync(new URL(`${name}.json`, HISTORIES), 'utf8')) as {
    history: unknown;
  };
  return engineEvents('run-1', historyFromJSON(history).events ?? []);
}

test.each<[string, ...[tone: string, text: string][]]>([
  [
    'job-killed-worker',
    ['plain', 'run run-1 of the job begins for killed'],
    ['bad', 'runAgent: try 2 begins, after WorkerDied: its worker was killed'],
    ['good', 'run completed'],
  ],
  [
    'job-paused-resumed',
    ['plain', 'run run-1 of the job begins for paused'],
    ['plain', 'told to pause'],
    ['plain', 'told to resume'],
    ['good', 'run completed'],
  ],
  [
    'job-parked',
    ['plain', 'run run-1 of the job begins for parked'],
    [
      'bad',
      'run ended: JobParked: invalid: sh can’t use its input (exit code 65) (invalid: trying again would not help)',
    ],
  ],
  [
    'job-cancelled',
    ['plain', 'run run-1 of the job begins for cancelled'],
    ['plain', 'told to end: its batch cancelled was cancelled'],
    ['bad', 'run cancelled'],
  ],
])('%s', (name, ...told) => {
  const events = eventsOf(name);
  expect(events.map(({ tone, text }) => [tone, text])).toEqual(told);
  const times = events.map(({ at }) => at);
  expect(times).toEqual([...times].sort());
  expect(new Set(events.map(({ source, runId }) => `${source} ${runId}`))).toEqual(new Set(['engine run-1']));
});

test.each([
  [
    { identity: 'temporal-cli:ann@desk', cause: 'wrong list' },
    'told to end: cancelled by temporal-cli:ann@desk, because "wrong list"',
    'temporal-cli:ann@desk',
  ],
  [{ identity: 'ann@desk', cause: '' }, 'told to end: cancelled by ann@desk', 'ann@desk'],
  [{ identity: '', cause: '' }, 'told to end: cancelled by unnamed', 'unnamed'],
  [
    { externalWorkflowExecution: { workflowId: `batch:nightly:${'a'.repeat(32)}:shard:3` } },
    'told to end: its batch nightly was cancelled',
    undefined,
  ],
])('a run that was told to end says by whom (%j)', (asked, text, by) => {
  const event = {
    eventTime: { seconds: 1_795_392_000 },
    workflowExecutionCancelRequestedEventAttributes: asked,
  };
  const told = engineEvents('run-1', [event as unknown as HistoryEvent]);
  expect(told).toMatchObject([{ at: '2026-11-23T00:00:00.000Z', kind: 'run', text }]);
  expect(told[0]?.by).toBe(by);
});
