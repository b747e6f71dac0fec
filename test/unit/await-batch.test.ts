// A night that waits for another one waits for its work, and not for a person's yes.
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { awaitBatch } from '../../src/activities/await-batch.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { BATCH, NOBODY, aLedger, claimed, effectOf, jobOf, openBatch } from './ledger-fixture.js';

const MINUTE = 60_000;

let ledger: Ledger;
let end: () => void;
let client: Client;
beforeEach(async () => {
  ({ ledger } = await aLedger());
  await openBatch(ledger, ['one']);
  let signal: AbortSignal | undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const result = () =>
    new Promise<void>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('the poll was ended')));
      void ended.then(resolve);
    });
  client = {
    connection: {
      withAbortSignal: (given: AbortSignal, wait: () => Promise<unknown>) => {
        signal = given;
        return wait();
      },
    },
    workflow: { getHandle: () => ({ result, describe: async () => ({ raw: {} }) }) },
  } as unknown as Client;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
});

function waiting(until?: { readonly orApprovalsLeft: boolean }) {
  const wait = { isOver: false, over: Promise.resolve() };
  wait.over = new MockActivityEnvironment({ heartbeatTimeoutMs: MINUTE })
    .run(awaitBatch({ client, ledger }), BATCH, until)
    .then(() => void (wait.isOver = true));
  return wait;
}

async function pass(minutes: number): Promise<void> {
  for (let slice = 0; slice < 2 * minutes; slice++) {
    await vi.advanceTimersByTimeAsync(MINUTE / 2);
    await new Promise((resolve) => setImmediate(resolve)); // the ledger answers in its own time
  }
}

async function ask(): Promise<void> {
  const { effectKey, name, target, use, revision } = effectOf('one');
  const sent = { requestSha256: 'd'.repeat(64), artifact: 'a'.repeat(64), batchId: BATCH };
  await ledger.askApproval(
    { ...jobOf('one'), effectKey, name, target, use, revision, ...sent, onTimeout: 'hold' },
    NOBODY,
  );
}

test('the wait goes on while the batch is at work, and is over when only a yes is left', async () => {
  await claimed(ledger, 'one');
  const wait = waiting({ orApprovalsLeft: true });
  await pass(5);
  expect(wait.isOver).toBe(false);
  await ask();
  await pass(2);
  expect(wait.isOver).toBe(true);
});

test('who needs the end itself waits for it', async () => {
  await claimed(ledger, 'one');
  await ask();
  const wait = waiting();
  await pass(30);
  expect(wait.isOver).toBe(false);
  end();
  await wait.over;
});
