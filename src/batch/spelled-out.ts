import type { z } from 'zod';
import { channelSchema, deadManSchema, type ChannelSpec } from '../contract/alerts.js';
import type { Json } from '../contract/json.js';
import { hasLogin, isCredentialHeader } from './credentials.js';
import type { FieldFinding } from './issue-sentences.js';
import { isSecretAt } from './schema-walk.js';
import { looksLikeReference, textsIn } from './secrets.js';
import { pathText } from './shown.js';

type Path = FieldFinding['path'];

/**
 * Secrets that the file has itself: they would stand in the stored batch, and where its options are shown.
 * @param schema says what is secret
 * @param place where something inside the part stands in the file
 * @param isPlain whether a text is none of these, whatever the schema says
 */
export const spelledOut = (
  schema: z.core.$ZodType,
  part: Json,
  place: (path: Path) => Path,
  isPlain: (text: string) => boolean = () => false,
): FieldFinding[] =>
  textsIn(part)
    .filter(
      ({ text, path }) =>
        !looksLikeReference(text) && !isPlain(text) && (isSecretAt(schema, path) || isCredentialHeader(path)),
    )
    .map(({ path }) => finding(place(path)));

/** The same for the channels of alerts, and for passwords in their URLs. Only those that are good in form are judged. */
export function spelledOutInChannels(alerts: unknown): FieldFinding[] {
  if (!Array.isArray(alerts)) return [];
  return alerts.flatMap((given, at) => {
    const channel = channelSchema.safeParse(given).data;
    if (channel === undefined) return [];
    const place = (path: Path): Path => ['alerts', at, ...path];
    const secrets = spelledOut(schemaOf(channel), channel as Json, place);
    if (secrets.length > 0 || !('url' in channel) || !hasLogin(channel.url ?? '')) return secrets;
    return [finding(place(['url']))];
  });
}

/** The same for the URL of a dead-man monitor. */
export function spelledOutInDeadMan(deadMan: unknown): FieldFinding[] {
  const url = deadManSchema.safeParse(deadMan).data?.url;
  return url !== undefined && hasLogin(url) ? [finding(['deadMan', 'url'])] : [];
}

const schemaOf = ({ use }: ChannelSpec): z.core.$ZodType =>
  channelSchema.options.find(({ shape }) => shape.use.value === use) ?? channelSchema;

const finding = (path: Path): FieldFinding => ({
  path,
  at: 'value',
  message: `${pathText(path)} spells out a secret`,
  hint: 'name a variable that holds it where jobs run: "${env:NAME}"',
});
