import { z } from 'zod';
import { durationSchema } from '../../../contract/batch-file.js';

const NUL = '\0';
const word = z
  .string()
  .min(1)
  .refine((text) => !text.includes(NUL), { message: 'has a NUL character, which no program can be given' })
  .refine((text) => !text.includes('${env:'), {
    message: 'has a secret in it; every user of the host can read arguments: hand it over through env',
  });

const variableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a variable name')
  .refine((name) => !name.toUpperCase().startsWith('NIGHTSHIFT_'), {
    message: 'belongs to nightshift; give the variable another name',
  });

/** Options of the provider `command`: a program and what it gets. Nothing passes through a shell. */
export const commandOptionsSchema = z.strictObject({
  command: z
    .array(word)
    .min(1)
    .refine(([program]) => !program?.startsWith('-'), {
      message: 'begins with "-", which is an argument, not a program',
    })
    .describe('program and arguments'),
  cwd: z.string().min(1).optional().describe('working directory, relative to the batch file'),
  env: z
    .record(
      variableName,
      z.string().refine((text) => !text.includes(NUL), { message: 'has a NUL character' }),
    )
    .optional()
    .describe('all it gets beside PATH, HOME and NIGHTSHIFT_*; "${env:NAME}" is resolved when it starts'),
  quiet: durationSchema.optional().describe('stopped when it wrote nothing for so long'),
  killGrace: durationSchema.default('10s').describe('time between SIGTERM and SIGKILL'),
});

export type CommandOptions = z.infer<typeof commandOptionsSchema>;
