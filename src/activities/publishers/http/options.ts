import { z } from 'zod';
import { durationMs, durationSchema } from '../../../contract/batch-file.js';
import { jsonObjectSchema, jsonSchema } from '../../../contract/json.js';
import { yesOrNoSchema } from '../option-schemas.js';
import { pointerSchema } from './pointer.js';
import { webhookSchema } from './webhook.js';
import { safeWindowMs } from './window-key.js';

/** The Activity gives up a try that has less time left than its longest request takes. */
const TIMEOUT_MAX_MS = 120_000;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const OURS: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding', 'connection']);

const urlSchema = z.string().refine((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}, 'must be an http or https URL without user and password; credentials go into headers');

const headerSchema = z
  .string()
  // What fetch takes: no line breaks, no characters outside Latin-1.
  .regex(/^[\x20-\x7e\t\x80-\xff]*$/, 'has a line break, or a character that no header can have');

const statusSchema = z.coerce.number().int().min(200).max(599);

/** A look-up by HEAD has no answer to point into, so it would be ours unseen. */
const IN_ANSWER = ['key', 'revision', 'content'] as const;

const lookupSchema = z
  .strictObject({
    url: urlSchema.describe(
      'that answers for this effect, such as https://api.example.com/posts?key={{ effect.key }}',
    ),
    method: z.enum(['GET', 'HEAD']).default('GET').describe('of the look-up'),
    found: statusSchema.default(200).describe('status that means: it is there'),
    absent: z.array(statusSchema).default([404]).describe('statuses that mean: it is not there'),
    id: pointerSchema.optional().describe('JSON pointer to the id; /id unless given'),
    key: pointerSchema
      .optional()
      .describe('JSON pointer to the effect key; another key there is somebody else’s object'),
    ownUrl: yesOrNoSchema
      .default(false)
      .describe('nobody else can put anything at this URL: whatever is there is this effect’s'),
    revision: pointerSchema.optional().describe('JSON pointer to our revision, where the service keeps it'),
    content: pointerSchema.optional().describe('JSON pointer to what must not change unseen'),
  })
  .superRefine((lookup, context) => {
    if (lookup.method !== 'HEAD') return;
    for (const field of IN_ANSWER)
      if (lookup[field] !== undefined)
        context.addIssue({
          code: 'custom',
          path: [field],
          message: 'needs method: GET; an answer to HEAD has no content',
        });
  });

export const httpOptionsSchema = z
  .strictObject({
    url: urlSchema.describe('that the request goes to'),
    method: z.enum(['POST', 'PUT', 'PATCH']).default('POST').describe('of the request'),
    headers: z
      .record(z.string().regex(TOKEN, 'is no header name'), headerSchema)
      .default({})
      .describe('values may be secrets'),
    body: z
      .union([z.string(), jsonObjectSchema, z.array(jsonSchema)])
      .optional()
      .describe('text, or a structure that is sent as JSON; without it, the artifact as it is'),
    contentType: headerSchema.optional().describe('of the body'),
    idempotencyHeader: z
      .string()
      .regex(TOKEN, 'is no header name')
      .optional()
      .describe('that carries the key; given, it says that the service honours it (class 2)'),
    keyWindow: durationSchema
      .optional()
      .describe(
        'how long the service remembers a key; given, it says that it does (class 2); 24h unless given',
      ),
    quoteKey: yesOrNoSchema
      .default(false)
      .describe('send the key in double quotes, as the IETF draft has it'),
    comparesBody: yesOrNoSchema
      .default(true)
      .describe('the service answers 422 where a key comes again with another body'),
    inFlightStatus: statusSchema
      .default(409)
      .describe('status that means: the first request is still running'),
    success: z.array(statusSchema).optional().describe('statuses that mean: done; every 2xx unless given'),
    id: pointerSchema
      .optional()
      .describe('JSON pointer to the id in the answer; given, an answer without it counts as unclear'),
    link: pointerSchema.optional().describe('JSON pointer to the URL in the answer, for people'),
    lookup: lookupSchema.optional().describe('how to ask for the effect (class 3, or class 2 with a key)'),
    settle: durationSchema
      .default('5s')
      .describe('how long a request without an answer may still be at work'),
    timeout: durationSchema.default('30s').describe('for one request'),
    webhook: webhookSchema.optional().describe('sign as Standard Webhooks does'),
  })
  .superRefine((options, context) => {
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message });
    const timeoutMs = durationMs(options.timeout);
    if (timeoutMs > TIMEOUT_MAX_MS) refuse('timeout', 'can be 2m at most');
    if (options.keyWindow !== undefined && safeWindowMs(durationMs(options.keyWindow), timeoutMs) <= 0)
      refuse('keyWindow', 'is too short for a second request within it; leave it out, or lower timeout');
    const names = Object.keys(options.headers).map((name) => name.toLowerCase());
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) refuse('headers', `has ${twice} twice`);
    const reserved = [...OURS, (options.idempotencyHeader ?? IDEMPOTENCY_HEADER).toLowerCase()];
    for (const name of names)
      if (reserved.includes(name) || (options.webhook && name.startsWith('webhook-')))
        refuse('headers', `can’t have ${name}: the publisher sets it`);
  });

export const IDEMPOTENCY_HEADER = 'Idempotency-Key';

export type HttpOptions = z.output<typeof httpOptionsSchema>;
