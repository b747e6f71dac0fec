// An address at which there is another service, or none of its kind: that is so for every job, and parks none of them.
import { expect, test } from 'vitest';
import { aContext, aStage, requestOf, thrown } from './managed-agents-fixture.js';

test.each(['antigravity', 'claude'] as const)(
  '%s: a wrong address is a matter of configuration',
  async (which) => {
    const { server, make } = await aStage(which);
    const provider = await make({ baseUrl: server.geminiUrl.replace(/\/gemini$/, '') });
    const { context } = aContext(server);
    const asked = await thrown(provider, 'probe', async () => provider.probe?.(context));
    expect(asked).toMatchObject({
      errorClass: 'config',
      message: expect.stringContaining('answered 404') as string,
    });
    const begun = await thrown(provider, 'start', () => provider.start(requestOf(), undefined, context));
    expect(begun).toMatchObject({ errorClass: 'config', facts: { sent: 'rejected' } });
    expect(server.ledger().totals.sessions).toBe(0);
  },
);
