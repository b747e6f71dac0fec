// What a killed worker had in hand is given back by the next one of its host, and nothing of that stops a start.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '@temporalio/activity';
import { ActivityNotFoundError, type Client } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { InFlight } from '../../src/activities/in-flight.js';
import { releaseDeadWorkers } from '../../src/activities/release-dead-workers.js';

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

/** As a worker does that starts. */
const release = async (folder: string, client: Client, name = 'host-2') => {
  const own = InFlight.open(folder, name);
  onTestFinished(() => own.close());
  const warnings: string[] = [];
  const warn = (what: string) => void warnings.push(what);
  const released = await releaseDeadWorkers({ own, folder, client, taskQueue: 'test', warn });
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
  expect(await release(folder, client, 'host-3'), 'only once').toEqual({ released: 0, warnings: [] });
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

test('a killed worker of the same name, as each one in a container has it, is no exception', async () => {
  const folder = aFolder();
  aDeadWorker(folder);
  const { client, givenBack, forgotten } = engine({ running: ['a'] });
  expect(await release(folder, client, 'host-1')).toEqual({ released: 2, warnings: [] });
  expect(givenBack).toEqual(['two', 'three']);
  expect(forgotten).toEqual(['a']);
});

test('one that is killed before it has given that back leaves it to the next', async () => {
  const folder = aFolder();
  aDeadWorker(folder);
  const file = join(folder, 'host-1.jsonl');
  InFlight.open(folder, 'host-1');
  expect(readFileSync(file, 'utf8')).toBe(`${begun(tokenOf('two'))}\n${begun(tokenOf('three'))}\n`);
});

test('what has ended does not pile up in the file of a worker that lives long', async () => {
  const folder = aFolder();
  const worker = InFlight.open(folder, 'host-1');
  const file = join(folder, 'host-1.jsonl');
  const carryOut = (token: string, during: () => unknown = () => undefined) => {
    const { inbound } = worker.interceptor({ info: { taskToken: Buffer.from(token) } } as unknown as Context);
    return inbound.execute?.({ args: [], headers: {} }, async () => during());
  };
  await carryOut('long', async () => {
    for (let n = 0; n < 2000; n++) await carryOut(`short-${n}`);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines.length).toBeLessThan(600);
    expect(lines[0]).toBe(begun(tokenOf('long')));
  });
  worker.close();
  expect(existsSync(file)).toBe(false);
});

test('an attempt that has ended meanwhile is no trouble', async () => {
  const folder = aFolder();
  aDeadWorker(folder);
  const { client } = engine({ refuses: () => new ActivityNotFoundError('gone') });
  expect(await release(folder, client)).toEqual({ released: 0, warnings: [] });
});
