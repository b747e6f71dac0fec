import { z } from 'zod';
import { faultRuleSchema } from './faults/rules.js';
import type { Reply } from './http/call.js';
import { jsonBody } from './http/json-body.js';
import type { Controls } from './controls.js';

const advanceSchema = z.strictObject({ ms: z.number().min(0) });

/** The routes under `/_/`: what a test does to the server and asks of it from outside. */
export function controlRoute(controls: Controls, method: string, path: string, body: Buffer): Reply {
  switch (`${method} ${path}`) {
    case 'GET /ledger':
      return ok(controls.ledger());
    case 'GET /requests':
      return ok(controls.requests());
    case 'GET /clock':
      return ok({ now: controls.now() });
    case 'POST /faults':
      return withBody(faultRuleSchema, body, (rule) => controls.addFault(rule));
    case 'POST /advance':
      return withBody(advanceSchema, body, ({ ms }) => controls.advance(ms));
    case 'POST /reset':
      controls.reset();
      return ok({});
    default:
      return { status: 404, body: { error: `no control route ${method} /_${path}` } };
  }
}

const ok = (body: unknown): Reply => ({ status: 200, body });

function withBody<T>(schema: z.ZodType<T>, body: Buffer, act: (value: T) => void): Reply {
  const read = schema.safeParse(jsonBody({ body }));
  if (!read.success) return { status: 400, body: { error: z.prettifyError(read.error) } };
  act(read.data);
  return ok({});
}
