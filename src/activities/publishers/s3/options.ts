import { z } from 'zod';
import { secretSchema } from '../../../contract/secret.js';
import { yesOrNoSchema } from '../option-schemas.js';

export const s3Options = z
  .strictObject({
    key: z.string().min(1).describe('name of the object, below target'),
    region: z.string().min(1).optional().describe('AWS region; with an endpoint us-east-1 when absent'),
    endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('of an S3-compatible store; absent for Amazon'),
    forcePathStyle: yesOrNoSchema
      .optional()
      .describe('bucket in the path instead of the host name; true with an endpoint when absent'),
    accessKeyId: secretSchema.optional().describe('secret reference; absent: as the AWS SDK finds it'),
    secretAccessKey: secretSchema.optional().describe('secret reference'),
    sessionToken: secretSchema.optional().describe('secret reference, for temporary credentials'),
    contentType: z.string().min(1).optional().describe('MIME type of the object'),
    cacheControl: z.string().min(1).optional().describe('Cache-Control of the object'),
    publicUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('where target is served to people; the receipt’s URL is this with key after it'),
    onUnconditional: z
      .enum(['refuse', 'check-then-put'])
      .default('refuse')
      .describe('for stores without conditional writes; check-then-put is weaker, see the guide'),
  })
  .refine(
    ({ accessKeyId, secretAccessKey }) => (accessKeyId === undefined) === (secretAccessKey === undefined),
    'accessKeyId and secretAccessKey belong together',
  )
  .refine(
    ({ sessionToken, accessKeyId }) => sessionToken === undefined || accessKeyId !== undefined,
    'sessionToken needs accessKeyId and secretAccessKey',
  );

export type S3Options = z.infer<typeof s3Options>;
