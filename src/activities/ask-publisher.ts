import { z } from 'zod';
import { AdapterError, isOurs } from '../contract/errors.js';
import { sha256Schema } from '../contract/job.js';
import type { FoundEffect, Publisher, PublisherVerb } from './publishers/publisher.js';

const placedSchema = z.object({
  id: z.string().min(1),
  url: z.string().optional(),
  sha256: sha256Schema,
  revision: z.number().optional(),
  fingerprint: z.string().optional(),
  visible: z.boolean(),
});
const extras = z.array(placedSchema).optional();
const place = { location: z.string(), why: z.string(), extras };
const foundEffectSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('absent'), extras }),
  z.object({ kind: z.literal('ours'), placed: placedSchema, extras }),
  z.object({ kind: z.literal('theirs'), ...place, owner: z.string().optional() }),
  z.object({ kind: z.literal('removed'), ...place }),
]);

/** An adapter's answer decides whether something is sent, so it is checked like any other text from outside. */
export async function asked(
  publisher: Pick<Publisher, 'facts' | 'classify'>,
  verb: PublisherVerb,
  request: () => Promise<FoundEffect>,
): Promise<FoundEffect> {
  const answer = foundEffectSchema.safeParse(await guarded(publisher, verb, request));
  if (answer.success) return answer.data as FoundEffect;
  const [issue] = answer.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  throw new AdapterError(
    'config',
    `publisher ${publisher.facts.name} gave an answer to ${verb} that the port does not know: ${where}${issue?.message ?? 'no object'}`,
    { sent: verb === 'lookup' ? 'no' : 'maybe' },
  );
}

/** Calls a verb; whatever it throws comes out with a class, and what is no word of the destination as it is. */
export async function guarded<T>(
  publisher: Pick<Publisher, 'facts' | 'classify'>,
  verb: PublisherVerb,
  request: () => Promise<T>,
): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw isOurs(error) ? error : publisher.classify(error, verb);
  }
}
