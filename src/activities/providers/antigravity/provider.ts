import { credentialOf } from '../managed/credential.js';
import { phaseOf } from '../managed/handle.js';
import { microsOf } from '../managed/options.js';
import { kindOf } from '../managed/ruling.js';
import { defineProvider, type Provider, type ProviderSetup } from '../provider.js';
import { geminiApi } from './api.js';
import { judge } from './classify.js';
import { collectRun } from './collect.js';
import { leftOverOf } from './left-over.js';
import { antigravityOptionsSchema, type AntigravityOptions } from './options.js';
import { pollRun } from './poll.js';
import { startRun } from './start.js';
import { cancelRun, releaseRun } from './stop.js';
import { sweepEnvironments } from './sweep.js';
import { priceNotes, usageOfRun } from './usage.js';

const NAME = 'antigravity';

/**
 * Google's managed agents through the Gemini Interactions API, one background run in a sandbox of its own for each
 * paid attempt. Needs the key of a project in GEMINI_API_KEY.
 */
export const antigravity = defineProvider<AntigravityOptions>({
  name: NAME,
  version: '1',
  currency: 'USD',
  options: antigravityOptionsSchema,
  create: antigravityProvider,
  async preflight({ options, secret }) {
    secret(options.apiKey);
  },
});

function antigravityProvider({
  options,
  secret,
  turn,
  refused,
}: ProviderSetup<AntigravityOptions>): Provider {
  const { keyNow, judgeOptions } = credentialOf(options, secret);
  const api = geminiApi(options, keyNow, judgeOptions, { turn, refused });
  const parts = { name: NAME, api, options, judgeOptions, missing: new Set<string>() };

  return {
    facts: {
      name: NAME,
      find: 'signs-only',
      // Nothing paid leaves before a handle is saved that keeps every later start from sending (AS1).
      startIsIdempotent: true,
      survivesWorkerLoss: true,
      cost: 'price-table',
      reserveMicros: microsOf(options.reserve),
      priceNotes: priceNotes(options, new Date()),
    },

    async find(_request, known) {
      return known && phaseOf(known) !== 'prepared' ? { kind: 'session', handle: known } : { kind: 'none' };
    },

    start: (request, known, context) => startRun(parts, request, known, context),
    poll: (handle, context) => pollRun(handle, parts, context),
    cancel: (handle, context) => cancelRun(handle, parts, context),
    collect: (handle, context) => collectRun(handle, parts, context),
    leftOver: (handle, context) => leftOverOf(handle, parts, context),
    usage: (handle, context) => usageOfRun(handle, parts, context),
    release: (handle, context) => releaseRun(handle, parts, context),
    sweep: (since, context) => sweepEnvironments(since, parts, context),
    async probe(context) {
      await api.environments(context.signal)[Symbol.asyncIterator]().next();
    },
    classify: (error, during) => judge(error, during, kindOf(during), judgeOptions()),
  };
}
