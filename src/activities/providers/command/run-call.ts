import { resolve } from 'node:path';
import { z } from 'zod';
import { AdapterError } from '../../../contract/errors.js';
import type { SessionRequest } from '../provider.js';
import { programOf, type CommandOptions } from './options.js';
import { presetOf } from './presets/index.js';
import type { Preset } from './presets/preset.js';
import { readIfThere, runPaths, type RunPaths } from './run-directory.js';
import { lookAtRun } from './run-state.js';
import { sessionIdOf } from './session-id.js';
import { killLeftovers } from './stop-run.js';

/** How a program is called for one session. */
export interface RunCall {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly stdin: string;
  /** Id of the session at the CLI, and whether it continues that of an earlier attempt. */
  readonly session?: string;
  readonly resumes?: boolean;
}

/** Linux takes no longer argument than 128 KiB, ending included. */
const ARGUMENT_BYTES_MAX = 131_071;

export const workingDirectory = ({ cwd = '.' }: CommandOptions, baseDir: string): string =>
  resolve(baseDir, cwd);

/**
 * The call of a program of the operator's, with the job as JSON, or of a preset, with the prompt.
 * @throws AdapterError `config` or `invalid` with `sent: 'no'` for a prompt that the CLI can't be given
 */
export async function callFor(
  options: CommandOptions,
  request: SessionRequest,
  paths: RunPaths,
  { stateDir, now }: { readonly stateDir: string; readonly now: Date },
): Promise<RunCall> {
  const [program, ...rest] = programOf(options);
  const preset = presetOf(options);
  if (!preset) {
    return {
      argv: [program, ...rest],
      cwd: workingDirectory(options, request.baseDir),
      stdin: jobText(request),
    };
  }
  const prompt = promptFor(preset, request);
  const earlier = options.resume && preset.resume ? await killedRun(preset, request, stateDir) : undefined;
  const own = options.cwd === undefined ? paths.work : workingDirectory(options, request.baseDir);
  // A CLI finds a session of its own only in the folder where it was begun.
  const cwd = earlier?.cwd ?? own;
  const session = earlier?.session ?? sessionIdOf(request);
  const leftMs = Date.parse(request.deadlineAt) - now.getTime();
  const call = { options, paths, cwd, session, leftMs, prompt: earlier ? again(prompt) : prompt };
  // A program named by a path is meant from the batch file, whatever folder it works in.
  const found = program.includes('/') ? resolve(request.baseDir, program) : program;
  const args = earlier && preset.resume ? preset.resume(call) : preset.argv(call);
  return {
    argv: [found, ...rest, ...args],
    cwd,
    stdin: preset.promptBy === 'stdin' ? call.prompt : '',
    session,
    resumes: earlier !== undefined,
  };
}

function promptFor(preset: Preset, { prompt }: SessionRequest): string {
  if (prompt === undefined || prompt.trim() === '') {
    throw new AdapterError(
      'config',
      `agent.prompt is missing or empty: ${preset.title} is told by it what to do`,
      {
        sent: 'no',
      },
    );
  }
  if (preset.promptBy === 'argument' && Buffer.byteLength(prompt) >= ARGUMENT_BYTES_MAX) {
    throw new AdapterError(
      'invalid',
      `the prompt has ${Buffer.byteLength(prompt)} bytes, and ${preset.title} takes it as an argument of at most ${ARGUMENT_BYTES_MAX - 1}`,
      { sent: 'no' },
    );
  }
  return prompt;
}

const again = (prompt: string): string =>
  `You were interrupted. Carry on where you stopped; do nothing twice that is done. The task is still this:\n\n${prompt}`;

/** The part of `spec.json` that a later attempt reads. */
const specSchema = z.object({ preset: z.string(), session: z.string(), cwd: z.string() });

/** Of a run of a preset; undefined of any other. */
export const readPresetSpec = async ({ spec }: RunPaths): Promise<z.infer<typeof specSchema> | undefined> =>
  specSchema.safeParse(JSON.parse((await readIfThere(spec)) ?? 'null')).data;

const timeSchema = z.object({ deadlineAt: z.iso.datetime() });

/** Until when a run may go on, as it was told when it was made; undefined where a crash left nothing that can be read. */
export async function readDeadline({ spec }: RunPaths): Promise<string | undefined> {
  try {
    return timeSchema.safeParse(JSON.parse((await readIfThere(spec)) ?? 'null')).data?.deadlineAt;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The run of the attempt before, if it was killed in the middle: what it was paid for can be gone on with. */
async function killedRun(
  preset: Preset,
  { runKey, attempt }: SessionRequest,
  stateDir: string,
): Promise<{ session: string; cwd: string } | undefined> {
  if (attempt < 2) return undefined;
  const paths = runPaths(stateDir, { runKey, attempt: attempt - 1 });
  const state = await lookAtRun(paths);
  if (state.kind !== 'gone' || !state.process) return undefined;
  const spec = await readPresetSpec(paths);
  if (spec?.preset !== preset.name) return undefined;
  const session = await preset.sessionOf(paths, spec.session);
  if (session === undefined) return undefined;
  await killLeftovers(paths, state.process);
  return { session, cwd: spec.cwd };
}

/** The job as the program reads it on stdin. */
const jobText = ({ work, jobKey, identity, input, revision, attempt, prompt }: SessionRequest): string =>
  JSON.stringify({
    v: 1,
    work,
    key: jobKey,
    identity,
    input,
    revision,
    attempt,
    ...(prompt !== undefined && { prompt }),
  });
