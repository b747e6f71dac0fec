import { resolve } from 'node:path';
import { openConfigured } from './configured-engine.js';
import { openEmbedded } from './embedded-engine.js';
import type { TLSConfig } from '@temporalio/client';

/** Options for `Connection.connect` and `NativeConnection.connect` alike. */
export interface EngineConnection {
  address: string;
  tls?: TLSConfig | boolean;
  apiKey?: string;
  metadata?: Record<string, string>;
}

/** A Temporal that answered when it was opened. */
export interface Engine {
  /** `configured`: the operator's own server. `embedded`: ours, in the state directory. */
  readonly kind: 'configured' | 'embedded';
  /** host:port */
  readonly address: string;
  readonly namespace: string;
  /** http://127.0.0.1:port of the embedded engine; a configured server does not tell. */
  readonly webUi: string | undefined;
  readonly connection: EngineConnection;
  /** Gives up this process's use of an embedded engine, which stops when nobody uses it. Idempotent. */
  release(): void;
}

export interface OpenEngineOptions {
  /** Folder of the ledger and the embedded engine; made if need be. */
  readonly stateDir: string;
  /** Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  /** True: never the configured one. */
  readonly embedded?: boolean;
  /** Gets one line of text, without a newline, per step that takes time. Nothing when the engine runs already. */
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * The Temporal to work with: the configured one where the environment or `temporal.toml` names one, else the
 * embedded one of this state directory, started if need be and shared with every other process that asks.
 * An engine not released is in use until the process ends.
 * @throws EngineUnavailable; nothing is retried beyond the time a start or a connection may take.
 *         The reason of `signal` when that is aborted
 */
export async function openEngine(options: OpenEngineOptions): Promise<Engine> {
  const { env = process.env, embedded = false, onProgress = () => undefined, signal } = options;
  const stateDir = resolve(options.stateDir); // the keeper works in another folder
  signal?.throwIfAborted();
  const configured = embedded ? undefined : await openConfigured(env);
  return configured ?? openEmbedded({ stateDir, env, onProgress, signal });
}
