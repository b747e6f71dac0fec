import { randomUUID } from 'node:crypto';
import type { NightJob, ScriptNight } from './night.js';

/**
 * The script that most of us have written: one job after another, a fresh key for each request, no record of what was
 * done, and an end at the first error. In the morning it is started again from the top.
 */
export async function naive(night: ScriptNight): Promise<void> {
  for (const job of night.jobs) {
    const text = await write(job, night);
    await publish(job, text, night);
  }
}

/** How a call is made: once, or with more tries. */
export type Tried = <T>(call: () => Promise<T>) => Promise<T>;

const once: Tried = (call) => call();

export async function write(job: NightJob, night: ScriptNight, tried: Tried = once): Promise<string> {
  const { id } = await tried(() => start(job, night));
  return finished(id, night, tried);
}

async function start(job: NightJob, night: ScriptNight): Promise<{ readonly id: string }> {
  const started = await request(`${night.service}/v1beta/interactions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-goog-api-key': 'key' },
    body: JSON.stringify({
      agent: 'antigravity-preview-09-2026',
      input: `Write an article about ${job.slug} for ${job.site}.`,
      environment: { type: 'remote' },
      background: true,
      labels: { slug: job.slug },
    }),
  });
  return (await started.json()) as { id: string };
}

/** Waits for a session, for half an hour at most. */
async function finished(id: string, night: ScriptNight, tried: Tried): Promise<string> {
  const begun = night.minutesNow();
  while (night.minutesNow() - begun < 30) {
    await night.sleep(2);
    const answer = await tried(() => look(id, night));
    if (answer.status === 'completed') return textOf(answer);
    if (answer.status !== 'in_progress') throw new Error(`the session ended as ${answer.status}`);
  }
  throw new Error('the session takes too long');
}

export async function publish(job: NightJob, text: string, night: ScriptNight): Promise<void> {
  await request(`${night.destination}/posts?slug=${job.slug}`, {
    method: 'POST',
    headers: { 'content-type': 'text/markdown', 'idempotency-key': randomUUID() },
    body: text,
  });
}

interface Session {
  readonly status: string;
  readonly steps?: readonly { readonly content?: readonly { readonly text?: string }[] }[];
}

async function look(id: string, night: ScriptNight): Promise<Session> {
  const answer = await request(`${night.service}/v1beta/interactions/${id}`, {
    headers: { 'x-goog-api-key': 'key' },
  });
  return (await answer.json()) as Session;
}

const textOf = ({ steps = [] }: Session): string =>
  steps.flatMap(({ content = [] }) => content.map(({ text = '' }) => text)).join('');

/** An answer of the service or the destination that is no success. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly retryAfterMs: number | undefined,
  ) {
    super(`answered ${status}`);
  }
}

async function request(url: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(url, init);
  if (answer.ok) return answer;
  await answer.body?.cancel();
  const hint = answer.headers.get('retry-after-ms');
  throw new Refused(answer.status, hint === null ? undefined : Number(hint));
}
