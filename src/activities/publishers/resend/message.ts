import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../identity/canonical-json.js';
import { textOf } from '../html/text-of.js';
import { toHtmlInThread } from '../html/to-html-in-thread.js';
import type { BodyRequest, Placed, PublisherContext } from '../publisher.js';
import type { Mail } from './api.js';
import type { ResendOptions } from './options.js';

/** Our mark. Names and values of tags are letters, digits, `_` and `-`, up to 256 characters. */
export const TAG = {
  key: 'nightshift_key',
  revision: 'nightshift_revision',
  fingerprint: 'nightshift_fingerprint',
  sha256: 'nightshift_sha256',
} as const;

/** The payload, the same bytes for the same options and content: Resend compares it with what a key first came with. */
export function payloadOf(options: ResendOptions, request: BodyRequest, content: Content): string {
  const { from, to, cc, bcc, replyTo, subject } = options;
  const { effectKey, revision, fingerprint, sha256 } = request;
  const tags = [
    [TAG.key, effectKey],
    [TAG.revision, String(revision)],
    [TAG.fingerprint, fingerprint],
    [TAG.sha256, sha256],
  ].map(([name = '', value = '']) => ({ name, value }));
  return canonicalJson({
    from,
    to,
    cc,
    bcc,
    reply_to: replyTo,
    subject,
    ...content,
    tags,
  });
}

export interface Content {
  readonly html?: string | undefined;
  readonly text?: string | undefined;
}

/** What the mail says. @throws AdapterError `invalid` where the artifact is no text, or can't be made into HTML */
export async function contentOf(
  options: ResendOptions,
  { body }: BodyRequest,
  { signal }: Pick<PublisherContext, 'signal'>,
): Promise<Content> {
  const { html, text, format, sanitise, linkHosts, imageHosts } = options;
  if (html !== undefined || text !== undefined) return { html, text };
  const artifact = textOf(body);
  if (format === 'text') return { text: artifact };
  return { html: await toHtmlInThread(artifact, { format, sanitise, linkHosts, imageHosts }, signal) };
}

/** Of what was sent, and of what Resend gives back: the parts that we give it, so one that it adds is left out. */
const hashOf = (options: ResendOptions, { html, text }: Content): string => {
  const given = { html: options.html !== undefined, text: options.text !== undefined };
  const sent =
    given.html || given.text ? given : { html: options.format !== 'text', text: options.format === 'text' };
  const content = { html: sent.html ? (html ?? null) : null, text: sent.text ? (text ?? null) : null };
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
};

export const placedAs = (
  options: ResendOptions,
  id: string,
  request: BodyRequest,
  content: Content,
): Placed => ({
  id,
  url: urlOf(id),
  sha256: hashOf(options, content),
  revision: request.revision,
  fingerprint: request.fingerprint,
  visible: true,
});

/** What Resend holds; undefined where it has not our mark. */
export function placedIn(options: ResendOptions, mail: Mail, effectKey: string): Placed | undefined {
  const tag = (wanted: string) => mail.tags?.find(({ name }) => name === wanted)?.value;
  if (tag(TAG.key) !== effectKey) return undefined;
  const revision = Number(tag(TAG.revision));
  const fingerprint = tag(TAG.fingerprint);
  return {
    id: mail.id,
    url: urlOf(mail.id),
    sha256: hashOf(options, { html: mail.html ?? undefined, text: mail.text ?? undefined }),
    ...(Number.isInteger(revision) && { revision }),
    ...(fingerprint !== undefined && { fingerprint }),
    visible: true,
  };
}

const urlOf = (id: string): string => `https://resend.com/emails/${encodeURIComponent(id)}`;
