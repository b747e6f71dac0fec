import { mkdirSync } from 'node:fs';
import { statePaths } from '../config.js';
import { isOfThisHost, tryExclusiveLock, type ProcessLock } from '../engine/index.js';
import type { RunningWorker, WorkerOptions } from '../worker.js';
import type { Connections } from './connections.js';
import { isAsking, pollersOf, type Poller } from './pollers.js';

/**
 * Hosts a worker in this process while no other process of the same state directory does. Many processes may watch
 * one batch: one of them carries it, and when that one dies, another takes its place.
 */
export class WorkerHost {
  private lock: ProcessLock | undefined;
  private worker: RunningWorker | undefined;
  private failure: Error | undefined;

  constructor(
    private readonly connections: Connections,
    // A Workflow task that fails is tried for ever: whoever watches must see why nothing moves.
    private readonly log: NonNullable<WorkerOptions['log']> = {
      level: 'ERROR',
      write: (line) => connections.notify(`worker: ${line}`),
    },
    private readonly clock: Pick<WorkerOptions, 'now'> = {},
  ) {}

  get hosting(): boolean {
    return this.worker !== undefined;
  }

  /**
   * Takes the place if it is free. @returns whether this process hosts the worker now
   * @throws what ended the worker that was hosted here; called again, it hosts another one
   */
  async takeIfFree(): Promise<boolean> {
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
    if (this.worker) return true;
    const lock = tryWorkerLock(this.connections);
    if (!lock) return false;
    this.lock = lock;
    try {
      const engine = await this.connections.engine();
      if (engine.kind === 'configured' && (await hasPollers(this.connections))) return false;
      // The native core and the Workflow sandbox are loaded by the one process that needs them.
      const { startWorker } = await import('../worker.js');
      this.worker = await startWorker({
        config: this.connections.config,
        engine,
        log: this.log,
        ...this.clock,
      });
      this.worker.done
        .catch((error: unknown) => {
          this.failure = error instanceof Error ? error : new Error(String(error));
        })
        .finally(() => this.release());
      return true;
    } finally {
      if (!this.worker) this.release();
    }
  }

  /** Hosts a worker, beside others if there are any. */
  async start(): Promise<void> {
    const engine = await this.connections.engine();
    this.lock = tryWorkerLock(this.connections);
    const { startWorker } = await import('../worker.js');
    this.worker = await startWorker({
      config: this.connections.config,
      engine,
      log: this.log,
      ...this.clock,
    });
  }

  /** Resolves when the worker has stopped, rejects when it failed. */
  get done(): Promise<void> {
    return this.worker?.done ?? Promise.resolve();
  }

  /** Nothing new starts, sessions are left alone, what is in hand ends. */
  async stop(): Promise<void> {
    const { worker } = this;
    if (!worker) return;
    await worker.stop();
    this.release();
  }

  private release(): void {
    this.worker = undefined;
    this.lock?.release();
    this.lock = undefined;
  }
}

/** The place of the worker that carries this state directory; with a ledger elsewhere, nothing else may have made it. */
function tryWorkerLock({ config }: Connections): ProcessLock | undefined {
  mkdirSync(config.stateDir, { recursive: true, mode: 0o700 });
  return tryExclusiveLock(statePaths(config.stateDir).workerLock);
}

/** Whether any worker could take work now: for an embedded engine one of this state directory, else one anywhere. */
export async function isWorkerAlive(connections: Connections): Promise<boolean> {
  if ((await connections.engine()).kind === 'configured') return hasPollers(connections);
  const lock = tryWorkerLock(connections);
  lock?.release();
  return lock === undefined;
}

/**
 * Whether a worker of this host asks the server for work: what a container is healthy by.
 * @throws when the server can't be reached
 */
export const isWorkerHereAlive = async (connections: Connections): Promise<boolean> =>
  (await connections.engine()).kind === 'configured'
    ? hasPollers(connections, ({ identity }) => isOfThisHost(identity))
    : isWorkerAlive(connections);

async function hasPollers(
  connections: Connections,
  whose: (poller: Poller) => boolean = () => true,
): Promise<boolean> {
  return (await pollersOf(connections)).filter(isAsking).some(whose);
}
