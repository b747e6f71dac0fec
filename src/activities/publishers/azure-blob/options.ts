import { z } from 'zod';
import { secretSchema } from '../../../contract/secret.js';

export const azureBlobOptions = z
  .strictObject({
    key: z.string().min(1).describe('name of the blob, below target'),
    connectionString: secretSchema.optional().describe('secret reference; of the storage account'),
    accountKey: secretSchema.optional().describe('secret reference; with a URL as target'),
    sasToken: secretSchema.optional().describe('secret reference; with a URL as target'),
    container: z
      .string()
      .min(1)
      .optional()
      .describe('with connectionString; target is then the prefix alone, else container/prefix'),
    contentType: z.string().min(1).optional().describe('MIME type of the blob'),
    cacheControl: z.string().min(1).optional().describe('Cache-Control of the blob'),
    publicUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('where target is served to people; the receipt’s URL is this with key after it'),
  })
  .refine(
    ({ connectionString, accountKey, sasToken }) =>
      [connectionString, accountKey, sasToken].filter((given) => given !== undefined).length === 1,
    'exactly one of connectionString, accountKey and sasToken is needed',
  )
  .refine(
    ({ container, connectionString }) => container === undefined || connectionString !== undefined,
    'container belongs to connectionString; with a URL as target the container is in the URL',
  );

export type AzureBlobOptions = z.infer<typeof azureBlobOptions>;
