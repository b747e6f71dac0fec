import { z } from 'zod';
import type { FaultRule } from './faults.js';
import type { SettingsInput } from './settings.js';
import type { LoggedRequest } from './request-log.js';

/** Steers and counts at fake destinations, in this process or another. */
export interface FakeControl {
  /** Such as `http://127.0.0.1:4242`. */
  readonly url: string;
  /** How many effects each effect key has had, ever. */
  effects(): Promise<Record<string, number>>;
  /** Objects that nobody has seen yet, such as draft invoices, by effect key. */
  leftovers(): Promise<Record<string, number>>;
  /** Every request to a service, in the order of arrival. */
  requests(): Promise<LoggedRequest[]>;
  addFault(rule: FaultRule): Promise<void>;
  /** Moves the clock forward. */
  advance(ms: number): Promise<void>;
  configure(settings: SettingsInput): Promise<void>;
  /** Forgets everything but seed and settings. */
  reset(): Promise<void>;
}

const countsSchema = z.record(z.string(), z.number());
const requestsSchema = z.array(
  z.object({
    n: z.number(),
    at: z.string(),
    surface: z.string(),
    method: z.string(),
    path: z.string(),
    effectKey: z.string(),
    headers: z.record(z.string(), z.string()),
    body: z.string(),
    fault: z.string().optional(),
    status: z.number().optional(),
    outcome: z.string(),
  }),
);

/** @throws Error where a route says no: a rule that does not fit, or a host that may not steer */
export function fakeControl(url: string): FakeControl {
  const call = async (path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${url}/_/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const post = async (path: string, body: unknown): Promise<void> => {
    await call(path, body);
  };
  return {
    url,
    effects: async () => countsSchema.parse(await call('effects')),
    leftovers: async () => countsSchema.parse(await call('leftovers')),
    requests: async () => requestsSchema.parse(await call('requests')) as LoggedRequest[],
    addFault: (rule) => post('faults', rule),
    advance: (ms) => post('advance', { ms }),
    configure: (settings) => post('settings', settings),
    reset: () => post('reset', {}),
  };
}
