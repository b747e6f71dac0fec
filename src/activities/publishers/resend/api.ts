import { z } from 'zod';
import { durationMs } from '../../../contract/batch-file.js';
import { AdapterError } from '../../../contract/errors.js';
import { jsonOf, sendHttp, type HttpAnswer } from '../../http/request.js';
import type { PublisherContext } from '../publisher.js';
import { resendRefusal } from './errors.js';
import type { ResendOptions } from './options.js';

const listedSchema = z.object({
  id: z.string().min(1),
  to: z.array(z.string()).nullish(),
  subject: z.string().nullish(),
  created_at: z.string(),
});
export type ListedMail = z.infer<typeof listedSchema>;

const pageSchema = z.object({ has_more: z.boolean(), data: z.array(listedSchema) });

const mailSchema = z.object({
  id: z.string().min(1),
  html: z.string().nullish(),
  text: z.string().nullish(),
  tags: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
  last_event: z.string().nullish(),
});
export type Mail = z.infer<typeof mailSchema>;

const domainsSchema = z.object({ data: z.array(z.object({ name: z.string(), status: z.string() })) });

/**
 * The part of Resend's API that is used, one request for each call. Not the vendor's library, which waits for ever for
 * a server that hangs, and answers a broken connection like any other error.
 * Source: Resend API reference, "Send email", "List sent emails", "Retrieve email", "List domains", 2026-11.
 */
export function resendApi(options: ResendOptions, { signal, turn }: PublisherContext) {
  async function get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const answer = await request('GET', path);
    const parsed = schema.safeParse(jsonOf(answer));
    if (parsed.success) return parsed.data;
    throw new AdapterError(
      'transient',
      `GET ${options.url}${path} was answered in a form that is not Resend’s`,
      {
        sent: 'no',
      },
    );
  }

  async function request(method: 'GET' | 'POST', path: string, more: Sent = {}): Promise<HttpAnswer> {
    const url = `${options.url}${path}`;
    const answer = await sendHttp({
      method,
      url,
      headers: { authorization: `Bearer ${options.apiKey}`, ...more.headers },
      ...(more.body !== undefined && { body: more.body }),
      timeoutMs: durationMs(options.timeout),
      signal,
      turn,
    });
    if (answer.status === 200 || answer.status === 201) return answer;
    throw resendRefusal(answer, { method, url }, [options.apiKey]);
  }

  return {
    /** @returns the id of the mail: of the first one where the key was used before */
    async send(body: string, key: string): Promise<string> {
      const headers = { 'content-type': 'application/json', 'idempotency-key': key };
      const answer = await request('POST', '/emails', { headers, body });
      const sent = z.object({ id: z.string().min(1) }).safeParse(jsonOf(answer));
      if (sent.success) return sent.data.id;
      const message = `POST ${options.url}/emails was answered ${answer.status}, but names no mail`;
      throw new AdapterError('unknown', message, { sent: 'maybe', code: String(answer.status) });
    },

    /** Newest first. */
    page: (limit: number, after?: string) =>
      get(
        `/emails?limit=${limit}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`,
        pageSchema,
      ),

    /** Undefined where Resend has it no more. */
    async mail(id: string): Promise<Mail | undefined> {
      try {
        return await get(`/emails/${encodeURIComponent(id)}`, mailSchema);
      } catch (error) {
        if (error instanceof AdapterError && error.facts.code === '404 not_found') return undefined;
        throw error;
      }
    },

    domains: () => get('/domains', domainsSchema),
  };
}

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}
