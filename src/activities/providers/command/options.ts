import { z } from 'zod';
import { durationSchema } from '../../../contract/batch-file.js';
import { pricesSchema } from '../managed/options.js';
import { PRESET_NAMES, presetOf } from './presets/index.js';

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

const usd = z.number().nonnegative().max(1_000_000);

/** Options that only a preset understands. */
const PRESET_ONLY = ['model', 'maxBudget', 'permissionMode', 'credential', 'prices'] as const;

/** Options of the provider `command`: a program and what it gets. Nothing passes through a shell. */
export const commandOptionsSchema = z
  .strictObject({
    command: z
      .array(word)
      .min(1)
      .refine(([program]) => !program?.startsWith('-'), {
        message: 'begins with "-", which is an argument, not a program',
      })
      .optional()
      .describe('program and arguments; with a preset, what stands in for its program'),
    preset: z.enum(PRESET_NAMES).optional().describe('an agent CLI that nightshift knows how to call'),
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
    hostLost: durationSchema
      .default('30m')
      .describe('after so long without a sign of the host that runs it, a session counts as lost'),
    model: word.optional().describe('preset: the model, by the CLI’s name'),
    maxBudget: usd.min(0.01).optional().describe('preset claude-code: US dollars at which it stops itself'),
    permissionMode: word.optional().describe('preset: what the agent may do unasked, in the CLI’s words'),
    credential: variableName
      .optional()
      .describe('preset: variable in env that lets it in, where the CLI is set up for another than its own'),
    args: z.array(word).default([]).describe('preset: further arguments'),
    prices: pricesSchema
      .optional()
      .describe('preset: US dollars per million tokens, where the CLI reports no money'),
    resume: z
      .boolean()
      .default(true)
      .describe('preset: the session of a killed run is continued by the next attempt, where the CLI can'),
    maxThrottle: durationSchema
      .default('15m')
      .describe('preset: a longer wait asked for counts as an exhausted quota'),
  })
  .check(({ value, issues }) => {
    const refuse = (path: string, message: string) =>
      issues.push({ code: 'custom', path: [path], message, input: value });
    const preset = presetOf(value);
    if (!preset) {
      if (value.command === undefined)
        refuse('command', 'is missing: name a program such as [node, write.mjs], or a preset');
      for (const name of PRESET_ONLY) {
        if (value[name] !== undefined) refuse(name, 'is for presets; give the program its own arguments');
      }
      if (value.args.length > 0) refuse('args', 'is for presets; write them behind the program in command');
    } else if (value.maxBudget !== undefined && !preset.capsMoney) {
      refuse('maxBudget', `can’t be kept: ${preset.title} has no cap of its own; use budget.perJob`);
    }
  });

export type CommandOptions = z.infer<typeof commandOptionsSchema>;

/** The program and the arguments that come before all others. */
export const programOf = (options: CommandOptions): readonly [string, ...string[]] => {
  const [program = presetOf(options)?.program ?? '', ...rest] = options.command ?? [];
  return [program, ...rest];
};
