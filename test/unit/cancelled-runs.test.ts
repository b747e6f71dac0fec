// Who has cancelled a run, and why, is in the ledger whichever way it was asked: the engine alone may have been told.
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeEach, expect, test } from 'vitest';
import { closeBatch, type CloseRequest } from '../../src/activities/close-batch.js';
import type { Deps } from '../../src/activities/deps.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storeManifest } from '../../src/batch/manifest.js';
import type { ArtifactStore } from '../../src/contract/artifact.js';
import type { BatchInput } from '../../src/contract/messages.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { aDefinition } from './definition-fixture.js';
import { BATCH, aLedger, openBatch, temporaryFolder } from './ledger-fixture.js';

const AT = '2026-11-23T02:40:00.500Z';

let ledger: Ledger;
beforeEach(async () => {
  ({ ledger } = await aLedger());
  await openBatch(ledger, ['one']);
});

interface Asked {
  readonly identity: string;
  readonly cause: string;
}

/** @param asked what the history of the run has of a cancellation */
function closed(
  state: CloseRequest['state'],
  asked?: Asked,
  more: { readonly runId?: string; readonly unopened?: BatchInput; readonly artifacts?: ArtifactStore } = {},
): Promise<void> {
  const { runId = 'run-1', unopened, artifacts } = more;
  const atMs = Date.parse(AT);
  const eventTime = { seconds: Math.floor(atMs / 1000), nanos: (atMs % 1000) * 1e6 };
  const events = [
    { eventTime, workflowExecutionStartedEventAttributes: {} },
    ...(asked ? [{ eventTime, workflowExecutionCancelRequestedEventAttributes: asked }] : []),
  ];
  const histories: Record<string, object> = { [`${BATCH} ${runId}`]: { events } };
  const getHandle = (id: string, runId: string) => ({
    fetchHistory: async () => histories[`${id} ${runId}`],
  });
  const deps = {
    ledger,
    artifacts,
    client: { workflow: { getHandle } } as unknown as Client,
    stateDir: temporaryFolder(),
    now: () => new Date(),
    alarm: { look: () => undefined, wake: () => undefined },
  } as unknown as Deps;
  const workflowExecution = { workflowId: BATCH, runId };
  return new MockActivityEnvironment({ workflowExecution }).run(closeBatch(deps), {
    ...{ batchId: BATCH, state },
    ...(unopened && { unopened }),
  });
}

test.each([
  ['temporal-cli:ann@desk', 'wrong list', 'temporal-cli:ann@desk', 'wrong list'],
  ['', '', 'unnamed', undefined],
])('a run that "%s" has cancelled is closed and noted by that name', async (identity, cause, by, reason) => {
  const asked = { identity, cause };
  await closed('cancelled', asked);
  await closed('cancelled', asked); // an Activity may run again

  expect(await ledger.batch(BATCH)).toMatchObject({ state: 'cancelled', stateBy: by, reason });
  const kept = await ledger.requests({ what: 'cancel' });
  expect(kept).toMatchObject([
    { at: AT, by, outcome: 'answered', reason, runId: 'run-1', batch: { id: BATCH, name: 'nightly' } },
  ]);
});
test('one that is cancelled before it has opened is closed too, after an earlier run that ended otherwise', async () => {
  await closed('incomplete');
  const folder = temporaryFolder();
  const artifacts = folderArtifactStore({ root: folder });
  const manifest = await storeManifest({ definition: aDefinition(folder), jobs: [] }, artifacts);
  const unopened = {
    name: 'nightly',
    work: 'article',
    key: 'k',
    manifest,
    startedBy: 'ann',
  } as unknown as BatchInput;
  await closed('cancelled', { identity: 'bob@desk', cause: 'no' }, { runId: 'run-2', unopened, artifacts });

  expect(await ledger.batch(BATCH)).toMatchObject({
    ...{ runId: 'run-2', openedBy: 'ann', state: 'cancelled', stateBy: 'bob@desk', reason: 'no' },
  });
});

test.each(['completed', 'incomplete'] as const)(
  'a run that ended %s, though somebody asked it to end, was cancelled by nobody',
  async (state) => {
    await closed(state, { identity: 'ann@desk', cause: 'too late' });
    expect(await ledger.batch(BATCH)).toMatchObject({ state, stateBy: 'batch', reason: undefined });
    expect(await ledger.requests()).toEqual([]);
  },
);
