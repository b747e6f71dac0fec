import { z } from 'zod';
import { callOf, placeOf, type FakeAnswer, type FakeRequest, type Surface } from './exchange.js';
import type { Database } from './database.js';
import type { RequestLog } from './request-log.js';

/**
 * What may go wrong with one request:
 *
 *  drop-before          the connection breaks, nothing was done
 *  drop-after-commit    it was done, the connection breaks before the answer
 *  half-body            it was done, the answer breaks off in its middle
 *  delay                it is done `ms` later, whether or not the client still waits; its key is in flight until then
 *  delay-answer         it is done at once, the answer comes `ms` later
 *  duplicate-request    it arrives twice
 *  status               it is refused with `status` and a wait hint in the form of `retryAfter`; nothing was done
 *  500-after-commit     it was done, the answer says 500
 *  500-before-commit    it began, nothing was done, the answer says 500
 *  redirect             302 to another place, nothing was done
 *  ok-not-stored        the answer says it was done, and it was not
 *  error-but-stored     the answer says 422, and it was done
 *  page                 200 with the HTML page of a proxy, nothing was done
 */
export const FAULTS = [
  'drop-before',
  'drop-after-commit',
  'half-body',
  'delay',
  'delay-answer',
  'duplicate-request',
  'status',
  '500-after-commit',
  '500-before-commit',
  'redirect',
  'ok-not-stored',
  'error-but-stored',
  'page',
] as const;

export const faultRuleSchema = z.strictObject({
  match: z
    .strictObject({
      surface: z.enum(['stripe', 'resend', 'http']).optional(),
      method: z.string().optional(),
      path: z.string().optional().describe('regular expression over path and query'),
      key: z.string().optional().describe('effect key'),
    })
    .default({}),
  do: z.enum(FAULTS),
  times: z.int().min(1).optional().describe('how often at most; without it, always'),
  p: z.number().min(0).max(1).default(1).describe('chance for each request that matches'),
  ms: z.number().min(0).default(0),
  status: z.int().min(300).max(599).default(503),
  retryAfter: z.enum(['none', 'seconds', 'date', 'ms']).default('none'),
  retryAfterSeconds: z.number().min(0).default(1),
});
export type Fault = z.output<typeof faultRuleSchema>;
/** A rule as callers write it. */
export type FaultRule = z.input<typeof faultRuleSchema>;

/**
 * The first rule that matches and whose chance comes up. Chance is decided by seed, rule, key, call and the how
 * manieth such call it is, so requests beside it change nothing.
 */
export function chooseFault(
  database: Database,
  log: RequestLog,
  surface: Surface['name'],
  request: FakeRequest,
): Fault | undefined {
  const call = callOf(request);
  const nth = log.callsBefore(request.effectKey, call);
  for (const { id, rule } of log.faults()) {
    const fault = faultRuleSchema.parse(rule);
    if (!matches(fault.match, surface, request)) continue;
    if (database.chance('fault', id, request.effectKey, call, nth) >= fault.p) continue;
    log.usedFault(id);
    return fault;
  }
  return undefined;
}

function matches(
  { surface, method, path, key }: Fault['match'],
  name: string,
  request: FakeRequest,
): boolean {
  if (surface !== undefined && surface !== name) return false;
  if (method !== undefined && method.toUpperCase() !== request.method) return false;
  if (key !== undefined && key !== request.effectKey) return false;
  return path === undefined || new RegExp(path, 'u').test(placeOf(request));
}

/** The answers of faults that are told before the service has a say. */
export function faultAnswer(
  { do: kind, ...fault }: Fault,
  surface: Surface,
  nowMs: number,
): FakeAnswer | undefined {
  switch (kind) {
    case 'status':
      return { ...surface.failure(fault.status), headers: retryAfterHeaders(fault, nowMs) };
    case 'redirect':
      return { status: 302, headers: { location: '/elsewhere' }, body: {} };
    case 'page':
      return { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>please sign in</html>' };
    default:
      return undefined;
  }
}

function retryAfterHeaders(
  { retryAfter, retryAfterSeconds }: Pick<Fault, 'retryAfter' | 'retryAfterSeconds'>,
  nowMs: number,
): Record<string, string> {
  switch (retryAfter) {
    case 'none':
      return {};
    case 'seconds':
      return { 'retry-after': String(Math.ceil(retryAfterSeconds)) };
    case 'ms':
      return { 'retry-after-ms': String(Math.round(retryAfterSeconds * 1000)) };
    case 'date':
      return { 'retry-after': new Date(nowMs + retryAfterSeconds * 1000).toUTCString() };
  }
}
