// What a killed worker had in hand is given back by the next one of its host, and nothing of that stops a start.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ActivityNotFoundError, type Client } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { releaseDeadWorkers } from '../../src/activities/in-flight.js';

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-in-flight-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const begun = (token: string) => JSON.stringify({ begun: token });
const ended = (token: string) => JSON.stringify({ ended: token });
const tokenOf = (text: string) => Buffer.from(text).toString('base64');

/** As the engine's own. */
const grpcError = (code: number, details: string): Error =>
  Object.assign(new Error(`${code}: ${details}`), { code, details, metadata: {} });

/** An engine with running Workflows of these IDs. */
function engine({
  running = [],
  reset = async () => undefined,
  refuses = () => undefined,
}: {
  readonly running?: readonly string[];
  readonly reset?: (workflowId: string) => Promise<void>;
  readonly refuses?: (token: string) => Error | undefined;
}): { readonly client: Client; readonly givenBack: string[]; readonly forgotten: string[] } {
  const givenBack: string[] = [];
  const forgotten: string[] = [];
  const client = {
    options: { namespace: 'test' },
    workflow: {
      async *list() {
        for (const workflowId of running) yield { workflowId, runId: 'run' };
      },
    },
    workflowService: {
      async resetStickyTaskQueue({ execution }: { execution: { workflowId: string } }) {
        await reset(execution.workflowId);
        forgotten.push(execution.workflowId);
      },
    },
    activity: {
      async fail(token: Uint8Array) {
        const text = Buffer.from(token).toString();
        const error = refuses(text);
        if (error) throw error;
        givenBack.push(text);
      },
    },
  };
  return { client: client as unknown as Client, givenBack, forgotten };
}

const release = async (folder: string, client: Client) => {
  const warnings: string[] = [];
  const warn = (what: string) => void warnings.push(what);
  const released = await releaseDeadWorkers({ folder, client, taskQueue: 'test', warn });
  return { released, warnings };
};

function aDeadWorker(folder: string): void {
  const lines = [
    begun(tokenOf('one')),
    begun(tokenOf('two')),
    ended(tokenOf('one')),
    begun(tokenOf('three')),
  ];
  writeFileSync(join(folder, 'host-1.jsonl'), `${lines.join('\n')}\n{"begun":"cut`);
}

test('a Workflow that ended since it was listed keeps no worker from its start', async () => {
  const folder = aFolder();
  aDeadWorker(folder);
  const { client, givenBack, forgotten } = engine({
    running: ['a', 'b', 'c'],
    reset: async (id) => {
      if (id === 'b') throw grpcError(5, 'workflow execution already completed');
    },
  });
  expect(await release(folder, client)).toEqual({ released: 2, warnings: [] });
  expect(forgotten).toEqual(['a', 'c']);
  expect(givenBack).toEqual(['two', 'three']);
  expect(await release(folder, client), 'only once').toEqual({ released: 0, warnings: [] });
});

test('neither does an engine that refuses: it is told, and the rest is given back', async () => {
  const folder = aFolder();
  aDeadWorker(folder);
  const { client, givenBack } = engine({
    running: ['a'],
    reset: () => Promise.reject(grpcError(14, 'unavailable')),
    refuses: (token) => (token === 'two' ? grpcError(3, 'token of another engine') : undefined),
  });
  const { released, warnings } = await release(folder, client);
  expect(released).toBe(1);
  expect(givenBack).toEqual(['three']);
  expect(warnings).toEqual([
    expect.stringContaining('unavailable'),
    expect.stringContaining('token of another engine'),
  ]);
});

test('an attempt that has ended meanwhile is no trouble', async () => {
  const folder = aFolder();
  aDeadWorker(folder);
  const { client } = engine({ refuses: () => new ActivityNotFoundError('gone') });
  expect(await release(folder, client)).toEqual({ released: 0, warnings: [] });
});
