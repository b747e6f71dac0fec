// The loops of a process that waits for a batch: what is away for a while is lived through, and told once.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Connections } from '../../src/client/connections.js';
import { Outages } from '../../src/client/outages.js';
import { repeat } from '../../src/client/repeat.js';
import { untilEnded } from '../../src/client/run-end.js';
import { resolveConfig } from '../../src/config.js';
import { AdapterError } from '../../src/contract/errors.js';
import { EngineUnavailable } from '../../src/engine/index.js';
import { startWorker } from '../../src/worker.js';
import { temporaryFolder } from './ledger-fixture.js';

const DATABASE_AWAY = new AdapterError(
  'transient',
  "the ledger's database does not answer [database=db:5432/n]",
);
const grpc = (code: number, message: string): Error => Object.assign(new Error(message), { code });
const asThrown = (cause: Error): Error => new Error('Failed to describe the task queue', { cause });

/** A loop whose steps go as listed; the last one goes well and ends it. */
async function steps(...list: (Error | 'ok')[]): Promise<readonly string[]> {
  const said: string[] = [];
  const ended = new AbortController();
  const left = [...list];
  await repeat(1, ended.signal, new Outages((line) => said.push(line)).asker(), async () => {
    const next = left.shift();
    if (next === undefined) ended.abort();
    if (next instanceof Error) throw next;
  });
  return said;
}

test('what takes long is done seldom, for nothing else is done meanwhile', async () => {
  const ended = new AbortController();
  const begun: number[] = [];
  const took: number[] = [];
  await repeat(1, ended.signal, new Outages(() => undefined).asker(), async () => {
    begun.push(performance.now());
    await sleep(20);
    took.push(performance.now() - (begun.at(-1) ?? 0));
    if (took.length === 3) ended.abort();
  });
  const [first = 0, second = 0] = begun;
  expect(second - first).toBeGreaterThanOrEqual(9 * (took[0] ?? Infinity));
});

test('a database that is away is waited for: told once when it goes, once when it is back', async () => {
  expect(await steps('ok', DATABASE_AWAY, DATABASE_AWAY, 'ok', 'ok')).toEqual([
    "the ledger's database does not answer [database=db:5432/n]; looking for it again",
    'the ledger is back',
  ]);
});

test.each([
  ['UNAVAILABLE', asThrown(grpc(14, '14 UNAVAILABLE: connect ECONNREFUSED')), /UNAVAILABLE: connect/],
  ['DEADLINE_EXCEEDED', asThrown(grpc(4, '4 DEADLINE_EXCEEDED')), /DEADLINE/],
  ['a server that shuts down', grpc(1, '1 CANCELLED: context canceled'), /CANCELLED/],
  ['a server with too much to do', asThrown(grpc(8, '8 RESOURCE_EXHAUSTED')), /EXHAUSTED/],
  ['no connection in time', new Error('Failed to connect before the deadline'), /before the deadline/],
  [
    'an engine that does not start yet',
    new EngineUnavailable('The configured Temporal at t:7233 does not answer.', ['connection'], 'Check it.'),
    /^lost the engine \(The configured Temporal at t:7233 does not answer\); looking for it again$/,
  ],
])('an engine that is away is waited for: %s', async (_, error, line) => {
  expect(await steps('ok', error, error, 'ok')).toEqual([
    expect.stringMatching(line) as unknown,
    'the engine is back',
  ]);
});

test.each([
  ['a password that is refused', new AdapterError('auth', 'the ledger’s database refuses')],
  ['an API key that has ended', asThrown(grpc(16, '16 UNAUTHENTICATED'))],
  ['a namespace that is not there', asThrown(grpc(5, '5 NOT_FOUND'))],
  ['a mistake of ours', new TypeError('undefined is not a function')],
])('what nobody’s waiting mends ends it: %s', async (_, error) => {
  await expect(steps('ok', 'ok', error, 'ok')).rejects.toBe(error);
});

test('what never worked is no outage: a wrong address ends the command at once', async () => {
  await expect(steps(DATABASE_AWAY, 'ok')).rejects.toBe(DATABASE_AWAY);
});

test('several loops that notice one outage tell of it once, and of its end when all have an answer', () => {
  const said: string[] = [];
  const outages = new Outages((line) => said.push(line));
  const [host, view, given] = [outages.asker(), outages.asker(), outages.asker()];
  for (const asker of [host, view, given]) asker.missed(grpc(14, '14 UNAVAILABLE'));
  expect(said).toHaveLength(1);
  host.answered();
  given.left(); // its watch has ended meanwhile
  expect(said).toHaveLength(1);
  view.answered();
  expect(said.slice(1)).toEqual(['the engine is back']);
  view.missed(grpc(14, '14 UNAVAILABLE'));
  expect(said).toHaveLength(3);
});

test('who waits for the end of a run tells of a lost engine once, whatever it takes to come back', async () => {
  const said: string[] = [];
  let calls = 0;
  let reconnects = 0;
  const run = {
    describe: async () => undefined,
    result: async () => {
      if (++calls === 1) throw asThrown(grpc(14, '14 UNAVAILABLE'));
    },
  };
  const connections = {
    outages: new Outages((line) => said.push(line)),
    client: async () => {
      if (reconnects === 1) throw new EngineUnavailable('No answer.', ['connection'], 'Check it.');
      return { workflow: { getHandle: () => run } };
    },
    reconnect: async () => void reconnects++,
  } as unknown as Connections;
  await untilEnded({ workflowId: 'batch:n:k', runId: 'r' }, connections, new AbortController().signal);
  expect(said).toEqual(['lost the engine (14 UNAVAILABLE); looking for it again', 'the engine is back']);
});

test('a worker that could not be built has given back what it had opened: the next try is no second one', async () => {
  const stateDir = temporaryFolder();
  const config = resolveConfig({ state: stateDir }, {});
  const address = '127.0.0.1:1';
  const engine = {
    ...({ kind: 'configured', address, namespace: 'default', webUi: undefined } as const),
    connection: { address },
    release: () => undefined,
  };
  for (const _ of ['first', 'second']) {
    const failed = await startWorker({ config, engine }).catch((error: unknown) => error);
    expect(failed).toMatchObject({ name: 'TransportError' });
  }
});
