import { AdapterError } from '../../../contract/errors.js';
import { credentialOf } from '../managed/credential.js';
import { advanced, newHandle, phaseOf } from '../managed/handle.js';
import { microsOf, undatedPrices } from '../managed/options.js';
import { kindOf } from '../managed/ruling.js';
import { defineProvider, type Provider, type ProviderContext, type ProviderSetup } from '../provider.js';
import { claudeApi } from './api.js';
import { judge } from './classify.js';
import { collectSession } from './collect.js';
import { findSession } from './find.js';
import { leftOverOf } from './left-over.js';
import { claudeOptionsSchema, type ClaudeOptions } from './options.js';
import { pollSession } from './poll.js';
import { idsOf, startSession } from './start.js';
import { cancelSession, releaseSession } from './stop.js';
import { sweepSessions } from './sweep.js';
import { mostOf, usageOfSession } from './usage.js';

const NAME = 'claude';

/**
 * Anthropic's managed agents: one session of an agent that the operator has set up, for each paid attempt. Needs a
 * key in ANTHROPIC_API_KEY.
 */
export const claude = defineProvider<ClaudeOptions>({
  name: NAME,
  version: '1',
  currency: 'USD',
  options: claudeOptionsSchema,
  create: claudeProvider,
  async preflight({ options, secret }) {
    secret(options.apiKey);
  },
});

function claudeProvider({ options, secret, turn, refused }: ProviderSetup<ClaudeOptions>): Provider {
  const { keyNow, judgeOptions } = credentialOf(options, secret);
  const api = claudeApi(options, keyNow, judgeOptions, { turn, refused });
  const parts = { name: NAME, api, options, judgeOptions, missing: new Set<string>() };

  return {
    facts: {
      name: NAME,
      find: 'scan',
      // Sessions are looked for before one is created, and messages before one is sent (CS1, CS2).
      startIsIdempotent: true,
      survivesWorkerLoss: true,
      cost: 'provider',
      ...(options.budget !== undefined && { capMicros: microsOf(options.budget) }),
      reserveMicros: microsOf(mostOf(options)),
      priceNotes: undatedPrices(options.prices),
    },

    async find(request, known, context) {
      if (known && phaseOf(known) !== 'prepared') return { kind: 'session', handle: known };
      const found = known ? undefined : await findSession(request, parts, context);
      // One that is idle and was never given its prompt is as good as none: `start` goes on with it.
      if (!found?.kickedOff) return { kind: 'none' };
      const startedAt = found.session.created_at ?? context.now().toISOString();
      const handle = advanced(newHandle(NAME, request), 'started', { ...idsOf(found.session), startedAt });
      return { kind: 'session', handle: { ...handle, sentAt: startedAt } };
    },

    start: (request, known, context) => startSession(parts, request, known, context),
    poll: (handle, context) => pollSession(handle, parts, context),
    cancel: (handle, context) => cancelSession(handle, parts, context),
    collect: (handle, context) => collectSession(handle, parts, context),
    leftOver: (handle, context) => leftOverOf(handle, parts, context),
    usage: (handle, context) => usageOfSession(handle, parts, context),
    release: (handle, context) => releaseSession(handle, parts, context),
    sweep: (since, context) => sweepSessions(since, parts, context),
    async probe(context) {
      await api.sessionsSince(context.now(), context.signal)[Symbol.asyncIterator]().next();
    },
    ...(options.agentVersion === undefined && {
      async pin(context: ProviderContext) {
        const agentVersion = await api.latestVersion(options.agent, context.signal);
        if (agentVersion === undefined)
          throw new AdapterError('unknown', `agent ${options.agent}: the service names no version of it`);
        return { agentVersion };
      },
    }),
    classify: (error, during) => judge(error, during, kindOf(during), judgeOptions()),
  };
}
