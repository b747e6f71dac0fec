// A run goes on with the agent that it began with, whoever edits that at its service meanwhile.
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Logger } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { agentLane } from '../../src/activities/lanes/lane-of.js';
import type { Deps } from '../../src/activities/deps.js';
import { openBatch } from '../../src/activities/open-batch.js';
import { providerFor } from '../../src/activities/providers/provider-for.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { readDefinition, storeManifest } from '../../src/batch/manifest.js';
import { definitionSchema, type Definition } from '../../src/contract/batch-file.js';
import { AdapterError } from '../../src/contract/errors.js';
import type { BatchInput, OpenedBatch } from '../../src/contract/messages.js';
import { anthropicAt, aServer } from './agent-server-fixture.js';
import { aLedger, jobOf, BATCH, FINGERPRINT, identityOf, temporaryFolder, WORK } from './ledger-fixture.js';
import { aContext, idIn, requestOf } from './managed-agents-fixture.js';

const silent: Logger = {
  ...{ log: () => undefined, trace: () => undefined, debug: () => undefined },
  ...{ info: () => undefined, warn: () => undefined, error: () => undefined },
};

async function aNight(more: object = {}) {
  const server = await aServer();
  const service = anthropicAt(server.anthropicUrl);
  const dir = temporaryFolder();
  const { ledger } = await aLedger();
  const artifacts = folderArtifactStore({ root: join(dir, 'artifacts') });
  const deps: Deps = {
    ledger,
    artifacts,
    client: {} as unknown as Client,
    stateDir: dir,
    env: { ANTHROPIC_API_KEY: 'test-key' },
    worker: 'test',
    now: () => new Date(),
    reached: async () => undefined,
    alarm: { look: () => undefined, wake: () => undefined },
    config: { taskQueue: 'test', heartbeatTimeoutMs: 30_000, tracing: false },
    engineKind: 'embedded',
  };
  const ids = { agent: 'agent_nightshift', environment: 'env_nightshift' };
  const definition = definitionSchema.parse({
    ...{ name: 'nightly', work: WORK, baseDir: dir },
    agent: { use: 'claude', prompt: 'Write.', with: { baseUrl: server.anthropicUrl, ...ids, ...more } },
    effects: [{ name: 'post', use: 'folder', target: './public', with: { path: '{{ slug }}.md' } }],
  });
  const job = {
    ...{ key: jobOf('one').jobKey, identity: identityOf('one') },
    ...{ input: {}, revision: 1, fingerprint: FINGERPRINT, file: 'jobs.csv', line: 2 },
  };
  const manifest = await storeManifest({ definition, jobs: [job] }, artifacts);
  const workflowExecution = { workflowId: BATCH, runId: 'run-1' };
  const input = { name: 'nightly', work: WORK, key: '1', manifest, startedBy: 'ann' } as BatchInput;
  return {
    server,
    definition,
    edit: () => service.beta.agents.update(ids.agent, { description: 'bolder' }),
    closed: () =>
      agentLane(definition, { key: '', batchId: '' }, deps).report(
        new AdapterError('exhausted', '429', { retryAfterMs: 600_000 }),
      ),
    async open(logger: Logger = silent): Promise<Definition> {
      const environment = new MockActivityEnvironment({ workflowExecution }, { logger });
      const { definition: sha256 = manifest.definition } = await environment.run<
        [BatchInput],
        OpenedBatch,
        ReturnType<typeof openBatch>
      >(openBatch(deps), input);
      return readDefinition({ definition: sha256 }, artifacts);
    },
    /** @returns the version that a session of that run is made by, as the service has it, and as its handle says */
    async session(by: Definition, attempt: number): Promise<readonly unknown[]> {
      const provider = await providerFor(by, deps);
      const { context } = aContext(server);
      const handle = await provider.start(requestOf({ attempt }), undefined, context);
      const { agent } = await service.beta.sessions.retrieve(idIn(handle, 'session'));
      return [agent.version, handle.ids['agentVersion']];
    },
  };
}

test('an agent that is edited while a run is under way is that of the next run', async () => {
  const night = await aNight();
  const run = await night.open();
  expect(run.agent.with).toMatchObject({ agentVersion: 1 });
  expect(await night.session(run, 1)).toEqual([1, 1]);
  await night.edit();
  expect(await night.session(run, 2)).toEqual([1, 1]);
  expect(await night.session(await night.open(), 3)).toEqual([2, 2]);
});

test('a version that the batch file names is not asked for', async () => {
  const night = await aNight({ agentVersion: 1 });
  expect(await night.open()).toEqual(night.definition);
  expect(night.server.requests().map(({ call }) => call)).not.toContain('agents.retrieve');
});

test('a service that can’t say keeps no run from beginning; its sessions say what they were made by', async () => {
  const night = await aNight();
  night.server.addFault({ match: { call: 'agents.retrieve' }, do: 'server-error', times: 1 });
  const run = await night.open();
  expect(run).toEqual(night.definition);
  await night.edit();
  expect(await night.session(run, 1)).toEqual([2, 2]);
});

test('where the service is closed when a run opens, the worker’s log says that nothing is pinned', async () => {
  const night = await aNight();
  await night.closed();
  const warned: unknown[] = [];
  expect(await night.open({ ...silent, warn: (...said: unknown[]) => void warned.push(said) })).toEqual(
    night.definition,
  );
  expect(warned).toEqual([
    [
      'the agent is not pinned for this run',
      expect.objectContaining({ reason: expect.stringContaining('its service is not asked: ') as string }),
    ],
  ]);
});

test('where the batch file names the version, a closed service is no news', async () => {
  const night = await aNight({ agentVersion: 1 });
  await night.closed();
  const warned: unknown[] = [];
  await night.open({ ...silent, warn: (...said: unknown[]) => void warned.push(said) });
  expect(warned).toEqual([]);
});
