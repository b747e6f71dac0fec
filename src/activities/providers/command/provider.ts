import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { durationMs } from '../../../contract/batch-file.js';
import { AdapterError } from '../../../contract/errors.js';
import { microsOf, undatedPrices } from '../managed/options.js';
import {
  defineProvider,
  type Provider,
  type ProviderSetup,
  type SessionHandle,
  type SessionRequest,
} from '../provider.js';
import { findArtifact, readArtifact } from './artifact.js';
import { programEnvironment, redactor } from './environment.js';
import { mustBeRunnable } from './must-be-runnable.js';
import { commandOptionsSchema, type CommandOptions } from './options.js';
import { pollRun } from './poll-run.js';
import { presetOf } from './presets/index.js';
import { readResultFile } from './result-document.js';
import { readDeadline } from './run-call.js';
import { runPaths, statIfThere } from './run-directory.js';
import { lookAtRun } from './run-state.js';
import { startRun } from './start-run.js';
import { cancelRun, killLeftovers } from './stop-run.js';
import { asAdapterError } from './system-errors.js';
import { usageOf } from './usage.js';
import { presetEnd } from './verdict.js';

const NAME = 'command';

/**
 * Any program as the agent: the job as JSON on stdin, the artifact on stdout or through `NIGHTSHIFT_RESULT_FILE`.
 * Or an agent CLI by its preset: the prompt on stdin, the artifact in its last message.
 *
 *  C1. One run of the program for each paid attempt, however often and from wherever it is started.
 *  C2. The program outlives the worker. Who comes next finds it by its run directory, alive or ended.
 *  C3. It gets PATH, HOME, what was declared, and NIGHTSHIFT_*; nothing else of the worker's environment.
 *  C4. Exit code 0 without output is no success.
 *
 * Not promised: that a program is stopped while no worker runs, and that a power cut leaves a result whole.
 */
export const command = defineProvider<CommandOptions>({
  name: NAME,
  version: '1',
  options: commandOptionsSchema,
  create(setup) {
    if (process.platform === 'win32') {
      throw new AdapterError(
        'config',
        'the provider "command" needs process groups and /bin/sh, which Windows does not have; run the worker in WSL or a container',
        { sent: 'no' },
      );
    }
    return commandProvider(setup);
  },
  async preflight({ options, baseDir, secret }) {
    const declared = Object.entries(options.env ?? {}).map(([name, text]) => [name, secret(text)] as const);
    await mustBeRunnable(options, baseDir, Object.fromEntries(declared));
  },
});

function commandProvider({ options, stateDir, secret }: ProviderSetup<CommandOptions>): Provider {
  const pathsOf = (run: { readonly runKey: string; readonly attempt: number }) => runPaths(stateDir, run);
  /** A run that was there before keeps its time, which counts from its claim. */
  const handleFor = async (request: SessionRequest): Promise<SessionHandle> => {
    const paths = pathsOf(request);
    const deadlineAt = (await readDeadline(paths)) ?? request.deadlineAt;
    const claim = await statIfThere(paths.claim);
    const handle = handleOf({ ...request, deadlineAt });
    return claim ? { ...handle, sentAt: claim.mtime.toISOString() } : handle;
  };
  const redact = redactor(options, secret);
  const killGraceMs = durationMs(options.killGrace);

  return {
    facts: {
      name: NAME,
      find: 'same-host',
      startIsIdempotent: true,
      survivesWorkerLoss: true,
      cost: 'reported',
      ...(options.maxBudget !== undefined && { capMicros: microsOf(options.maxBudget) }),
      priceNotes: undatedPrices(options.prices),
    },

    async find(request, known) {
      const { kind } = await lookAtRun(pathsOf(request));
      if (kind === 'missing') {
        const host = known && textOf(known, 'host');
        if (host === undefined || host === hostname()) return { kind: 'none' };
        return { kind: 'unknown', why: `the session was started on host ${host}` };
      }
      // A directory that nobody has claimed is as good as none: `start` goes on with it.
      return kind === 'unclaimed' ? { kind: 'none' } : { kind: 'session', handle: await handleFor(request) };
    },

    async start(request, _known, context) {
      const paths = pathsOf(request);
      const env = programEnvironment(options, request, paths, secret);
      await startRun(paths, options, request, env, { signal: context.signal, stateDir, now: context.now() });
      const handle = await handleFor(request);
      await context.save(handle);
      return handle;
    },

    poll: (handle, context) =>
      pollRun(pathsOf(handle), {
        options,
        deadlineAt: new Date(textOf(handle, 'deadlineAt') ?? NaN),
        host: textOf(handle, 'host') ?? hostname(),
        thisHost: hostname(),
        away: join(stateDir, 'away', `${handle.runKey}-${handle.attempt}`),
        now: context.now(),
        redact,
      }),

    cancel: (handle) => cancelRun(pathsOf(handle), killGraceMs),

    async collect(handle, context) {
      const paths = pathsOf(handle);
      const state = await lookAtRun(paths);
      const exit = state.kind === 'ended' ? state.exit : undefined;
      const said = exit && (await presetEnd(paths, exit, options, context.now()));
      if (said && said.kind !== 'ok') throw new AdapterError('rejected', redact(said.message));
      const artifact = await findArtifact(paths, await readResultFile(paths), said?.text);
      switch (artifact.kind) {
        case 'unusable':
          throw new AdapterError('rejected', artifact.why);
        case 'text':
          return { content: new TextEncoder().encode(artifact.text) };
        case 'file': {
          const { path, mime } = artifact;
          return { content: readArtifact(path), ...(mime !== undefined && { mime }) };
        }
      }
    },

    usage: (handle) => usageOf(pathsOf(handle), options),

    /** Kills what the program left running, and removes its input and scratch files; what it wrote and said stays as evidence. */
    async release(handle) {
      const paths = pathsOf(handle);
      const state = await lookAtRun(paths);
      if (state.kind === 'alive' || state.kind === 'claiming' || state.kind === 'elsewhere') return;
      await killLeftovers(paths);
      await rm(paths.stdin, { force: true });
      // What a killed run was working on is gone on with by the next attempt, where its CLI can.
      if (state.kind === 'gone' && options.resume && presetOf(options)?.resume) return;
      for (let attempt = handle.attempt; attempt > 0; attempt--) {
        const { work } = pathsOf({ runKey: handle.runKey, attempt });
        await rm(work, { recursive: true, force: true });
      }
    },

    classify: (error, during) => asAdapterError(error, during),
  };
}

const handleOf = ({ runKey, attempt, deadlineAt }: SessionRequest): SessionHandle => ({
  v: 1,
  provider: NAME,
  runKey,
  attempt,
  ids: { host: hostname(), deadlineAt },
});

const textOf = ({ ids }: SessionHandle, name: string): string | undefined => {
  const value = ids[name];
  return typeof value === 'string' ? value : undefined;
};
