import { createHmac } from 'node:crypto';
import { z } from 'zod';

const SECRET_BYTES_MIN = 16;

const secretSchema = z
  .string()
  .refine(
    (secret) => keyOf(secret).length >= SECRET_BYTES_MIN,
    'must be whsec_ and base64 of 16 bytes or more',
  );

export const webhookSchema = z.strictObject({
  secret: z
    .union([secretSchema, z.array(secretSchema).min(1).max(4)])
    .meta({ secret: true })
    .describe('whsec_…; several while one takes the place of another'),
});

export interface Signed {
  /** The same for every try: receivers drop a second delivery by it. */
  readonly id: string;
  readonly body: Uint8Array;
  readonly at: Date;
}

/**
 * Headers by which a receiver knows who sent a webhook, and that it has not had it before.
 * Source: Standard Webhooks specification 1.0, "Webhook headers" and "Signature scheme".
 */
export function webhookHeaders(
  { secret }: z.output<typeof webhookSchema>,
  { id, body, at }: Signed,
): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signatures = [secret].flat().map((one) => {
    const signature = createHmac('sha256', keyOf(one))
      .update(`${id}.${timestamp}.`)
      .update(body)
      .digest('base64');
    return `v1,${signature}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

function keyOf(secret: string): Buffer {
  return Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
}
