import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import type { Duration } from '@temporalio/common';
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type ActivityInterceptorsFactory,
  type LogLevel,
  type RuntimeOptions,
  type WorkerOptions as SdkWorkerOptions,
} from '@temporalio/worker';
import { AdapterError } from './contract/errors.js';
import { createActivities } from './activities/index.js';
import { startWatchman } from './alerts/watchman.js';
import { hostTurn } from './alerts/host-turn.js';
import { whatIsUnwritable } from './alerts/what-is-unwritable.js';
import type { Reached } from './activities/crash-points.js';
import { retryAfter } from './activities/failure.js';
import { GRACE_MS } from './activities/grace.js';
import { InFlight } from './activities/in-flight.js';
import { releaseDeadWorkers } from './activities/release-dead-workers.js';
import { folderArtifactStore } from './artifacts/folder-store.js';
import { isRunOpen } from './client/run-under-way.js';
import { noticeSleep } from './host-sleep.js';
import { statePaths, type Config } from './config.js';
import { messageOf } from './contract/thrown.js';
import { workerName, type Engine } from './engine/index.js';
import { loadSigner } from './evidence/key-files.js';
import { openLedger } from './ledger/open.js';
import { jsonLine } from './telemetry/log-line.js';
import { stepInterceptor } from './telemetry/step-interceptor.js';
import { waitQueue } from './workflows/queues.js';
import { WriteWatch } from './write-watch.js';

/** Sessions and effects that one worker has in hand at most; a session under way costs a timer and a few kilobytes. */
const ACTIVITIES_MAX = 1000;

/**
 * Decisions that one worker has begun at most. They share a thread, and each has `WORKFLOW_TASK_TIMEOUT_MS` from its start: with
 * more of them, a worker that begins on a busy machine, and has to replay them all, is late with each, again and again.
 * What is not begun waits at the engine, against no clock.
 */
const WORKFLOW_TASKS_MAX = 10;

export interface WorkerOptions {
  readonly config: Config;
  readonly engine: Engine;
  readonly log?: { readonly level: LogLevel; readonly write: (line: string) => void };
  /** Called at each named crash point; tests stop the worker there. */
  readonly reached?: Reached;
  /** Inside ours; a test shortens the waits of Activities with one. */
  readonly interceptors?: readonly ActivityInterceptorsFactory[];
  /** A test lives through nights of long ago by one. */
  readonly now?: () => Date;
  /** After a crash, work for this worker's cache moves to another one this fast; 3 s unless a test crashes often. */
  readonly stickyQueueScheduleToStartTimeout?: Duration;
}

export interface RunningWorker {
  /** Resolves when the worker has stopped; rejects when it stopped by an error. */
  readonly done: Promise<void>;
  /** Stops taking work, leaves sessions alone, waits for what is in hand. */
  stop(): Promise<void>;
}

/**
 * Builds a worker, wires it and runs it. The one place that knows every part; it decides nothing.
 * @throws when the engine or the ledger can't be reached, or the Workflow bundle was not built; called again, it tries
 *   anew, for what was opened by then is given back
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  installRuntime(options.log, options.config);
  noticeSleep();
  const opened: Close[] = [];
  const close = async (): Promise<void> => {
    const last = opened.pop();
    if (!last) return;
    try {
      await last();
    } finally {
      await close();
    }
  };
  try {
    return await buildWorker(options, (one) => opened.push(one), close);
  } catch (error) {
    await close().catch(() => undefined); // why it could not be built is what matters
    throw error;
  }
}

type Close = () => void | Promise<void>;

/** @param opened told how each part is given back @param close gives all of them back, the last first */
async function buildWorker(
  {
    config,
    engine,
    log,
    reached,
    interceptors = [],
    now = () => new Date(),
    stickyQueueScheduleToStartTimeout = '3s',
  }: WorkerOptions,
  opened: (close: Close) => void,
  close: () => Promise<void>,
): Promise<RunningWorker> {
  const { stateDir, taskQueue, env } = config;
  const { namespace } = engine;
  const paths = statePaths(stateDir);
  const name = workerName();
  // Loaded now: a key that can't be used must not come to light when an effect has landed.
  const signer = loadSigner({ folder: paths.keys, given: config.signingKey });
  const writes = new WriteWatch((why) => log?.write(`WARN ledger: ${why}`));
  const ledger = await openLedger({ ...config.ledger, signer, writes });
  opened(() => ledger.close());
  // Loaded where it is asked for: nobody else pays for it.
  const spans = config.tracing ? (await import('./telemetry/spans.js')).openSpans(name, ledger) : undefined;
  opened(() => spans?.close());
  const connection = await NativeConnection.connect(engine.connection);
  opened(() => connection.close());
  const client = new Client({ connection: await Connection.connect(engine.connection), namespace });
  opened(() => client.connection.close());
  const inFlight = InFlight.open(paths.workers, name);
  opened(() => inFlight.close());
  const warn = (what: string) => log?.write(`WARN worker: ${what}`);
  await releaseDeadWorkers({ own: inFlight, folder: paths.workers, client, taskQueue, warn });

  const puts = new WriteWatch((why) => log?.write(`WARN artifacts: ${why}`));
  const artifacts = folderArtifactStore({ root: paths.artifacts, writes: puts });
  const watchman = startWatchman(
    {
      ...{ ledger, artifacts, stateDir, env, now },
      isRunOpen: (runId) => isRunOpen(runId, client),
      unwritable: () => whatIsUnwritable(config, { ledger: writes, artifacts: puts }),
      turn: hostTurn(paths.workers),
      host: hostname(),
    },
    (what) => log?.write(`WARN alerts: ${what}`),
  );
  opened(() => watchman.stop()); // it may be asking the engine

  const graceOver = new AbortController();
  setMaxListeners(0, graceOver.signal); // each session that is being ended waits under it
  const activities = createActivities({
    ledger,
    artifacts,
    client,
    stateDir,
    env,
    worker: name,
    now,
    reached: reached ?? (() => undefined),
    alarm: watchman,
    graceOver: graceOver.signal,
    config,
    engineKind: engine.kind,
  });
  const common = {
    connection,
    namespace,
    identity: name,
    interceptors: {
      activity: [inFlight.interceptor, stepInterceptor((step) => spans?.ended(step)), ...interceptors],
    },
    shutdownGraceTime: '1s',
    // An effect that is on its way gets its answer; all else ends at once.
    shutdownForceTime: GRACE_MS + 15_000,
  } satisfies Partial<SdkWorkerOptions>;
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue,
      workflowBundle: { codePath: workflowBundlePath() },
      activities,
      maxConcurrentActivityTaskExecutions: ACTIVITIES_MAX,
      maxConcurrentWorkflowTaskExecutions: WORKFLOW_TASKS_MAX,
      stickyQueueScheduleToStartTimeout,
    }),
    Worker.create({
      ...common,
      taskQueue: waitQueue(taskQueue),
      activities: {
        awaitJob: activities.awaitJob,
        awaitBatch: activities.awaitBatch,
        awaitUpstream: activities.awaitUpstream,
      },
      maxConcurrentActivityTaskExecutions: ACTIVITIES_MAX,
    }),
  ]);

  const done = Promise.all(workers.map((worker) => worker.run())).then(close, async (error: unknown) => {
    stopAll();
    await close();
    throw error;
  });
  return {
    done,
    async stop() {
      stopAll();
      await done;
    },
  };

  function stopAll(): void {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    const over = (): void => graceOver.abort(retryAfter('transient', 'the worker stopped', 1));
    setTimeout(over, GRACE_MS).unref();
  }
}

let installed = false;

/** Once in a process, before the first connection. Signals belong to the command line, which says what goes on. */
function installRuntime(log: WorkerOptions['log'], { jsonLog, metricsAddress }: Config): void {
  if (installed) return;
  const logger = jsonLog
    ? new DefaultLogger('INFO', (entry) => void process.stderr.write(`${jsonLine(entry)}\n`))
    : new DefaultLogger(log?.level ?? 'ERROR', ({ level, message, meta }) => {
        log?.write(`${level} ${message}${meta === undefined ? '' : ` ${JSON.stringify(meta)}`}`);
      });
  try {
    Runtime.install(runtimeOptions(logger, metricsAddress));
  } catch (cause) {
    if (metricsAddress === undefined) throw cause;
    const why = messageOf(cause);
    const message = `metrics can't be offered at ${metricsAddress}: ${why}; set NIGHTSHIFT_METRICS to a free address of this host, or unset it`;
    throw new AdapterError('config', message);
  }
  installed = true;
}

const runtimeOptions = (logger: DefaultLogger, metricsAddress: string | undefined): RuntimeOptions => ({
  shutdownSignals: [],
  logger,
  telemetryOptions: {
    logging: { forward: {}, filter: { core: 'ERROR', other: 'ERROR' } },
    ...(metricsAddress !== undefined && {
      metrics: { prometheus: { bindAddress: metricsAddress, countersTotalSuffix: true, unitSuffix: true } },
    }),
  },
});

/** The prebuilt bundle; beside this file when built, in `dist` when run from the sources. */
function workflowBundlePath(): string {
  const places = ['./workflow-bundle.js', '../dist/workflow-bundle.js'].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  const found = places.find((place) => existsSync(place));
  if (found === undefined)
    throw new Error(`the Workflow bundle is missing [looked for ${places.join(', ')}]; run "npm run build"`);
  return found;
}
