// No request to a service leaves without a turn of its own, whatever the vendor's library makes of a call. Counted at a
// local server of both services.
import { expect, test } from 'vitest';
import type { Provider, ProviderContext, SessionHandle } from '../../src/activities/providers/provider.js';
import { callInTurn } from '../../src/activities/providers/managed/requests.js';
import { AdapterError } from '../../src/contract/errors.js';
import type { AgentServer } from '../../src/testing/agent-server/index.js';
import { aContext, aStage, bytesOf, requestOf, watched } from './managed-agents-fixture.js';

const PROVIDERS = [
  ['antigravity', 'interactions.create'],
  ['claude', 'events.send'],
] as const;

/** A session from its start to the last thing that is done for it, with every verb of the port. */
async function wholeSession(
  provider: Provider,
  server: AgentServer,
  context: ProviderContext,
): Promise<SessionHandle> {
  await provider.probe?.(context);
  await provider.find(requestOf(), undefined, context);
  const handle = await provider.start(requestOf(), undefined, context);
  expect(await watched(provider, handle, context, server)).toMatchObject({ kind: 'succeeded' });
  await bytesOf((await provider.collect(handle, context)).content);
  const left = await provider.leftOver?.(handle, context);
  if (left) await bytesOf(left.content);
  await provider.usage(handle, context);
  for await (const _ of provider.sweep?.(new Date(0), context) ?? []);
  await provider.cancel(handle, context);
  await provider.release?.(handle, context);
  return handle;
}

test.each(PROVIDERS)(
  '%s: each request of a session has a turn of its own, right before it; that of %s is asked for as what costs money',
  async (which, paidCall) => {
    const { server, make } = await aStage(which);
    const setUp = server.requests().length; // what an operator does once, before any session
    const turns: { readonly sent: number; readonly kind: 'paid' | undefined }[] = [];
    const provider = await make(
      {},
      async (kind) => void turns.push({ sent: server.requests().length - setUp, kind }),
    );
    await wholeSession(provider, server, aContext(server).context);
    const sent = server.requests().slice(setUp);
    expect(sent.length).toBeGreaterThan(10);
    expect(turns.map((turn) => turn.sent)).toEqual(sent.map((_, before) => before));
    expect(turns.flatMap(({ kind }, at) => (kind === 'paid' ? [sent[at]?.call] : []))).toEqual([paidCall]);
  },
);

test.each(PROVIDERS)(
  '%s: that %s is refused is told before what follows it waits for a turn, once and as the verb throws it',
  async (which, paidCall) => {
    const { server, make } = await aStage(which);
    server.addFault({
      match: { call: paidCall },
      do: 'throttle',
      with: { form: 'seconds', seconds: 7200 },
      times: 1,
    });
    const heard: (AdapterError | 'turn')[] = [];
    const provider = await make(
      {},
      async () => void heard.push('turn'),
      async (error) => void heard.push(error),
    );
    const thrown: unknown = await provider
      .start(requestOf(), undefined, aContext(server).context)
      .catch((error: unknown) => error);
    expect(thrown).toMatchObject({ errorClass: 'exhausted' });
    const told = heard.filter((what) => what !== 'turn');
    expect(told).toEqual([thrown]);
    expect(heard.slice(heard.indexOf(told[0] ?? 'turn') + 1), 'it tidies up').not.toEqual([]);
  },
);

test('a lane that closes between the two requests of an upload holds the second one back, and says so', async () => {
  const { server, make } = await aStage('antigravity');
  const closed = new AdapterError('throttled', 'nothing is sent at the moment', { sent: 'no' });
  const provider = await make({}, async () => {
    if (server.requests().at(-1)?.call === 'files.upload') throw closed;
  });
  const { context } = aContext(server);
  await expect(provider.start(requestOf(), undefined, context)).rejects.toBe(closed);
  expect(server.requests().at(-1)).toMatchObject({ call: 'files.upload' });
  expect(server.ledger().totals).toMatchObject({ runs: 0 });
});

test('what a further request waits for its turn is no time that the service took', async () => {
  const TIMEOUT_MS = 200;
  let turns = 0;
  const turn = async (): Promise<void> => {
    if (++turns === 2) await new Promise((resolve) => setTimeout(resolve, 2 * TIMEOUT_MS));
  };
  const judge = (error: unknown) => error as Error;
  const given = { turn, kind: 'read', timeoutMs: TIMEOUT_MS, signal: undefined, judge } as const;
  const said = callInTurn(given, async (_signal, fetch) => {
    await fetch('data:,first');
    return (await fetch('data:,second')).text();
  });
  expect(await said).toBe('second');
  const never = () => new Promise<never>(() => undefined);
  await expect(callInTurn(given, never)).rejects.toThrow('timeout');
});
