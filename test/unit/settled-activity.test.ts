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

test('trouble that would not pass ends the run', async () => {
  const fails = settled(() => Promise.reject(new AdapterError('config', 'no such folder')));
  await expect(new MockActivityEnvironment().run(fails)).rejects.toMatchObject({
    type: 'config',
    nonRetryable: true,
  });
});
