import { z } from 'zod';
import { durationMs, durationSchema } from '../../../contract/batch-file.js';
import { secretSchema } from '../../../contract/secret.js';
import { identifierFault, tableFault } from './identifiers.js';

const column = z.string().superRefine((name, context) => {
  const fault = identifierFault(name);
  if (fault !== undefined)
    context.addIssue({ code: 'custom', message: `column ${JSON.stringify(name)} ${fault}` });
});
const table = z.string().superRefine((name, context) => {
  const fault = tableFault(name);
  if (fault !== undefined)
    context.addIssue({ code: 'custom', message: `table ${JSON.stringify(name)} ${fault}` });
});
const TIMEOUT_MS_MIN = 100;
const TIMEOUT_MS_MAX = 10 * 60_000;

export const postgresOptionsSchema = z
  .strictObject({
    url: secretSchema
      .refine((url) => /^postgres(ql)?:\/\//.test(url) && URL.canParse(url), {
        error: 'must be a connection string: postgres://user:password@host:port/database',
      })
      .describe('connection string, as a reference to a secret: ${env:DATABASE_URL}'),
    table: table.optional().describe('table or schema.table, as it is spelt; the target where left out'),
    keyColumn: column
      .default('nightshift_key')
      .describe('text column with a unique index; holds the effect key, 32 hexadecimal characters'),
    revisionColumn: column
      .default('nightshift_revision')
      .describe('whole-number column; holds the revision of the job'),
    hashColumn: column
      .default('nightshift_sha256')
      .describe('text column; holds the SHA-256 of the artifact, 64 hexadecimal characters'),
    fingerprintColumn: column
      .optional()
      .describe('text column for the fingerprint of the job’s payload, 64 hexadecimal characters'),
    bodyColumn: column
      .optional()
      .describe('text or bytea column that holds the artifact; edits by hand are seen only in this column'),
    columns: z
      .record(column, z.union([z.string(), z.number(), z.boolean(), z.null()]))
      .default({})
      .describe('other columns and their values, which may be templates'),
    unpublish: z
      .enum(['delete', 'mark'])
      .default('delete')
      .describe('how an effect is undone: delete the row, or set deletedColumn'),
    deletedColumn: column
      .optional()
      .describe('timestamp or boolean column that marks a row as taken away; needed for unpublish: mark'),
    timeout: durationSchema.default('15s').describe('longest time for connecting and for each statement'),
  })
  .superRefine((options, context) => {
    if (options.unpublish === 'mark' && options.deletedColumn === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['deletedColumn'],
        message: 'unpublish: mark needs the column to set',
      });
    }
    const timeoutMs = durationMs(options.timeout);
    if (timeoutMs < TIMEOUT_MS_MIN || timeoutMs > TIMEOUT_MS_MAX) {
      context.addIssue({ code: 'custom', path: ['timeout'], message: 'must be from 100ms to 10m' });
    }
    const twice = firstTwice(ownColumns(options).concat(Object.keys(options.columns)));
    if (twice === undefined) return;
    context.addIssue({
      code: 'custom',
      path: ['columns'],
      message: `column ${JSON.stringify(twice)} is used twice`,
    });
  });

export type PostgresOptions = z.infer<typeof postgresOptionsSchema>;

/** Columns that the publisher itself fills or reads. */
export const ownColumns = (options: PostgresOptions): string[] =>
  [
    options.keyColumn,
    options.revisionColumn,
    options.hashColumn,
    options.fingerprintColumn,
    options.bodyColumn,
    options.deletedColumn,
  ].filter((name) => name !== undefined);

const firstTwice = (names: readonly string[]): string | undefined =>
  names.find((name, at) => names.indexOf(name) !== at);
