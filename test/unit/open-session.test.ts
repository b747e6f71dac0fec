// How the agent step opens a session, over a provider and a ledger of memory.
import { expect, test } from 'vitest';
import type { Provider, SessionHandle } from '../../src/activities/providers/provider.js';
import { openSession, SessionNotStarted } from '../../src/activities/session/open.js';
import type { SessionScope } from '../../src/activities/session/scope.js';
import { AdapterError } from '../../src/contract/errors.js';
import { requestOf } from './managed-agents-fixture.js';

const HANDLE: SessionHandle = { v: 1, provider: 'model', runKey: 'a'.repeat(32), attempt: 1, ids: {} };

/** A step whose intent is written, with nothing at the service yet. */
function aScope(start: Provider['start'], save: () => Promise<void>, more: object = {}): SessionScope {
  const provider = {
    facts: { name: 'model', find: 'exact', startIsIdempotent: true, survivesWorkerLoss: true, cost: 'none' },
    find: async () => ({ kind: 'none' }),
    start,
    classify: (error: unknown) => error as AdapterError,
  };
  const scope: unknown = {
    provider,
    request: requestOf(),
    session: HANDLE,
    deps: {},
    claim: { fence: 1, openSession: { ...HANDLE, state: 'intent', handle: undefined } },
    context: { save, signal: new AbortController().signal, now: () => new Date() },
    lane: { report: async () => undefined },
    reached: async () => undefined,
    ...more,
  };
  return scope as SessionScope;
}

test('a start that the service surely refused is over', async () => {
  const refusal = new AdapterError('throttled', 'not now', { sent: 'rejected' });
  const scope = aScope(
    () => Promise.reject(refusal),
    async () => undefined,
  );
  await expect(openSession(scope)).rejects.toEqual(new SessionNotStarted(refusal));
});

// What a database says when it is away names no request of ours: taken for the service's word, it would be a refusal.
test.each([{ code: 'ECONNREFUSED' }, { sent: 'rejected' }] as const)(
  'a session whose handle can’t be saved (%o) is not over: the next try looks for it',
  async (facts) => {
    const trouble = new AdapterError('transient', 'the ledger does not answer', facts);
    const scope = aScope(
      async (_request, _known, context) => {
        await context.save(HANDLE); // it runs by now
        return HANDLE;
      },
      () => Promise.reject(trouble),
    );
    await expect(openSession(scope)).rejects.toBe(trouble);
  },
);
