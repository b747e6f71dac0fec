/**
 * PagerDuty's Events API v2 on loopback, as far as an alert is told there: which events it takes, and what becomes of incidents.
 * Source: developer.pagerduty.com, "Events API v2 Overview" and "Send an Alert Event".
 */
import { z } from 'zod';
import { startReceiver } from './receiver.js';

const eventSchema = z
  .strictObject({
    routing_key: z.string().regex(/^[A-Za-z0-9]{32}$/, "Length of 'routing_key' is incorrect"),
    event_action: z.enum(['trigger', 'acknowledge', 'resolve']),
    dedup_key: z.string().min(1).max(255).optional(),
    client: z.string().optional(),
    client_url: z.url().optional(),
    links: z.array(z.strictObject({ href: z.url(), text: z.string().optional() })).optional(),
    images: z.array(z.strictObject({ src: z.url() })).optional(),
    payload: z
      .strictObject({
        summary: z
          .string()
          .min(1)
          .refine((text) => [...text].length <= 1024, "'summary' is too long (maximum is 1024 characters)"),
        source: z.string().min(1),
        severity: z.enum(['critical', 'error', 'warning', 'info']),
        timestamp: z.iso.datetime({ offset: true }).optional(),
        component: z.string().min(1).optional(),
        group: z.string().min(1).optional(),
        class: z.string().min(1).optional(),
        custom_details: z.record(z.string(), z.unknown()).optional(),
      })
      .optional(),
  })
  .refine(({ event_action: action, payload }) => action !== 'trigger' || payload, "'payload' is missing")
  .refine(
    ({ event_action: action, dedup_key: key }) => action === 'trigger' || key,
    "'dedup_key' is missing",
  );

export type PagerDutyEvent = z.infer<typeof eventSchema>;

export interface Incident {
  readonly dedupKey: string;
  state: 'open' | 'resolved';
  /** Those that it took, the first of which opened it. */
  readonly events: PagerDutyEvent[];
}

export interface PagerDuty {
  /** Where events go. */
  readonly url: string;
  /** Every one that was opened, the oldest first. */
  readonly incidents: readonly Incident[];
  /** Ends of what is not open: taken, and dropped. */
  readonly dropped: readonly PagerDutyEvent[];
  /** How it has answered, in order. */
  readonly answers: readonly number[];
  /** Answers with this from now on, and takes nothing; undefined at first. */
  refusesWith: 429 | 500 | undefined;
  /** Takes what it gets, and cuts the connection instead of an answer. */
  losesAnswers: boolean;
  stop(): Promise<void>;
}

export async function startPagerDuty(): Promise<PagerDuty> {
  const receiver = await startReceiver();
  const incidents: Incident[] = [];
  const dropped: PagerDutyEvent[] = [];
  const answers: number[] = [];
  receiver.onRequest = ({ method, url, headers, body }) => {
    const isEvent = method === 'POST' && url === '/v2/enqueue';
    const status = !isEvent ? 404 : (service.refusesWith ?? taken(body, headers['content-type']));
    answers.push(status);
    receiver.status = status;
    receiver.losesAnswers = service.losesAnswers;
  };

  function taken(body: string, type = ''): 202 | 400 {
    const event = type.startsWith('application/json') ? eventSchema.safeParse(jsonOf(body)).data : undefined;
    if (event === undefined) return 400;
    const {
      event_action: action,
      dedup_key: dedupKey = `own-${answers.length}`,
      routing_key: routingKey,
    } = event;
    const open = incidents.find(
      (incident) =>
        incident.state === 'open' &&
        incident.dedupKey === dedupKey &&
        incident.events[0]?.routing_key === routingKey,
    );
    if (open !== undefined) {
      open.events.push(event);
      if (action === 'resolve') open.state = 'resolved';
    } else if (action === 'trigger') incidents.push({ dedupKey, state: 'open', events: [event] });
    else dropped.push(event);
    return 202;
  }

  const service: PagerDuty = {
    url: `${receiver.url}/v2/enqueue`,
    incidents,
    dropped,
    answers,
    refusesWith: undefined,
    losesAnswers: false,
    stop: () => receiver.stop(),
  };
  return service;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
