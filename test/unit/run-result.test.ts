import { MockActivityEnvironment } from '@temporalio/testing';
import type { Client } from '@temporalio/client';
import { getEventListeners } from 'node:events';
import { afterEach, expect, it, vi } from 'vitest';
import { cancellationSignal } from '@temporalio/activity';
import { runResult } from '../../src/activities/run-result.js';

afterEach(() => {
  vi.useRealTimers();
});

/** As the client is: every long poll leaves a listener, and an aborted signal ends the poll. */
function clientOf(polls: AbortSignal[], result: Promise<unknown>): Client {
  let given: AbortSignal | undefined;
  const connection = {
    withAbortSignal: (signal: AbortSignal, wait: () => Promise<unknown>) => {
      given = signal;
      return wait();
    },
  };
  const poll = () =>
    new Promise((resolve, reject) => {
      for (let poll = 0; poll < 30; poll++) given?.addEventListener('abort', () => undefined);
      if (given) polls.push(given);
      given?.addEventListener('abort', () => reject(new Error('cancelled')));
      result.then(resolve, reject);
    });
  return { connection, workflow: { getHandle: () => ({ result: poll }) } } as unknown as Client;
}

it('leaves nothing at the signal of the Activity, however long it waits', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const polls: AbortSignal[] = [];
  let end: (value: string) => void = () => undefined;
  const client = clientOf(polls, new Promise((resolve) => (end = resolve)));
  const environment = new MockActivityEnvironment({ heartbeatTimeoutMs: 60_000 });
  const seen: number[] = [];
  const waiting = environment.run(async () => {
    const signal = cancellationSignal();
    const before = getEventListeners(signal, 'abort').length;
    const result = runResult(client, 'batch');
    for (let slice = 0; slice < 3; slice++) {
      await vi.advanceTimersByTimeAsync(10 * 60_000);
      seen.push(getEventListeners(signal, 'abort').length - before);
    }
    end('done');
    const value = await result;
    seen.push(getEventListeners(signal, 'abort').length - before);
    return value;
  });
  expect(await waiting).toBe('done');
  expect(seen).toEqual([1, 1, 1, 0]);
  expect(new Set(polls).size).toBe(4);
});

it('says what the wait itself ended with', async () => {
  const client = clientOf([], Promise.reject(new Error('gone')));
  await expect(new MockActivityEnvironment().run(() => runResult(client, 'batch'))).rejects.toThrow('gone');
});

it('ends with the Activity that is cancelled', async () => {
  const environment = new MockActivityEnvironment();
  const waiting = environment.run(() => runResult(clientOf([], new Promise(() => undefined)), 'batch'));
  environment.cancel();
  await expect(waiting).rejects.toThrow('CANCELLED');
});
