// Activities of a batch, run as the SDK runs them.
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { settled } from '../../src/activities/failure.js';
import { AdapterError } from '../../src/contract/errors.js';

test('one that takes longer than its heartbeat timeout is heard of meanwhile', async () => {
  const environment = new MockActivityEnvironment({ heartbeatTimeoutMs: 60 });
  const heard = new Promise<void>((resolve) => environment.on('heartbeat', () => resolve()));
  const waits = settled(async () => {
    await heard;
    return 'closed';
  });
  expect(await environment.run(waits)).toBe('closed');
});

test('an unexpected error is tried again by its own count, whatever else it was tried again for', async () => {
  const fails = settled(() => Promise.reject(new Error('the disk is full')));
  const after = async (heartbeatDetails?: unknown) => {
    const environment = new MockActivityEnvironment({ attempt: 20, heartbeatDetails });
    let told: unknown;
    environment.on('heartbeat', (details: unknown) => (told = details));
    const failure: unknown = await environment.run(fails).catch((error: unknown) => error);
    return { failure, told };
  };
  const first = await after();
  expect(first.failure).toMatchObject({
    type: 'bug',
    message: 'unexpected: the disk is full',
    nonRetryable: false,
  });
  let last = first;
  for (let tries = 2; tries <= 11; tries++) last = await after(last.told);
  expect(last.failure).toMatchObject({ nonRetryable: false });
  expect((await after(last.told)).failure, 'the twelfth').toMatchObject({ type: 'bug', nonRetryable: true });
});

test('trouble that would not pass ends the run', async () => {
  const fails = settled(() => Promise.reject(new AdapterError('config', 'no such folder')));
  await expect(new MockActivityEnvironment().run(fails)).rejects.toMatchObject({
    type: 'config',
    nonRetryable: true,
  });
});
