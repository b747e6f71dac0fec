import { z } from 'zod';
import type { FakeAnswer, FakeRequest, Surface } from './exchange.js';
import { faultRuleSchema } from './faults.js';
import { settingsSchema } from './settings.js';
import type { RequestLog } from './request-log.js';
import type { Store } from './store.js';

interface Call {
  readonly store: Store;
  readonly log: RequestLog;
  readonly surfaces: readonly Surface[];
  readonly request: FakeRequest;
  readonly isLocal: boolean;
}

/**
 * Routes by which tests steer and count, from this host only:
 *
 *  GET  /_/effects    how many effects each key has had: the judge in every test
 *  GET  /_/leftovers  objects that nobody has seen yet, such as drafts, for each key
 *  GET  /_/requests   every request to a service, in order, without credentials
 *  POST /_/faults     adds a fault rule
 *  POST /_/advance    {ms}: moves the clock forward
 *  POST /_/settings   how the services behave from now on
 *  POST /_/reset      forgets everything but seed and settings
 */
export function control({ store, log, surfaces, request, isLocal }: Call): FakeAnswer {
  if (!isLocal) return { status: 403, body: { error: 'control routes answer this host only' } };
  const { method, path, body } = request;
  switch (`${method} ${path}`) {
    case 'GET /_/effects':
      return { status: 200, body: store.effects() };
    case 'GET /_/leftovers':
      return { status: 200, body: leftovers(surfaces) };
    case 'GET /_/requests':
      return { status: 200, body: JSON.parse(JSON.stringify(log.requests())) as [] };
    case 'POST /_/faults':
      return checked(body, faultRuleSchema, (rule) => ({
        id: log.addFault(JSON.parse(JSON.stringify(rule)) as Record<string, string>, rule.times),
      }));
    case 'POST /_/advance':
      return checked(body, z.strictObject({ ms: z.number().min(0) }), ({ ms }) => {
        store.advance(ms);
        return { now: new Date(store.nowMs()).toISOString() };
      });
    case 'POST /_/settings':
      return checked(body, settingsSchema, (settings) => {
        store.setMeta('settings', JSON.stringify(settings));
        return {};
      });
    case 'POST /_/reset':
      store.reset();
      return { status: 200, body: {} };
    default:
      return { status: 404, body: { error: `no control route ${method} ${path}` } };
  }
}

export function leftovers(surfaces: readonly Surface[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const surface of surfaces)
    for (const [key, count] of Object.entries(surface.leftovers())) all[key] = (all[key] ?? 0) + count;
  return all;
}

function checked<T>(
  body: string,
  schema: z.ZodType<T>,
  act: (value: T) => Record<string, string | number>,
): FakeAnswer {
  try {
    return { status: 200, body: act(schema.parse(JSON.parse(body))) };
  } catch (error) {
    if (error instanceof z.ZodError) return { status: 400, body: { error: z.prettifyError(error) } };
    if (error instanceof SyntaxError) return { status: 400, body: { error: 'the body is no JSON' } };
    throw error;
  }
}
