// What a session that came to nothing has left, at each managed service.
import { expect, test } from 'vitest';
import type { FaultRuleInput } from '../../src/testing/agent-server/index.js';
import { aContext, aStage, bytesOf, requestOf, watched } from './managed-agents-fixture.js';

const SERVICES = [
  { which: 'antigravity', match: { surface: 'gemini', call: 'interactions.create' } },
  { which: 'claude', match: { surface: 'anthropic', call: 'events.send' } },
] as const;

type Service = (typeof SERVICES)[number];

/** One session under that fault, and what its provider finds of it at its end. */
async function leftOver({ which, match }: Service, fault: Omit<FaultRuleInput, 'match'>) {
  const { server, make } = await aStage(which, { faults: [{ ...fault, match, times: 1 }] });
  const provider = await make();
  const { context } = aContext(server);
  const handle = await provider.start(requestOf(), undefined, context);
  await watched(provider, handle, context, server);
  return provider.leftOver?.(handle, context);
}

test.each(SERVICES)('$which: it is there for people until it is released', async (service) => {
  const left = await leftOver(service, { do: 'truncated-output', with: { form: 'hash' } });
  expect((await bytesOf(left?.content ?? new Uint8Array())).length).toBeGreaterThan(100);
});

test.each(SERVICES)('$which: nothing is found where nothing was left', async (service) => {
  expect(await leftOver(service, { do: 'empty-output' })).toBeUndefined();
});
