import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { UsageError } from './contract/errors.js';

/** Settings of one process, resolved once. Nothing else reads the environment, but for adapters' `${env:NAME}`. */
export interface Config {
  /** Absolute. Ledger, artifacts, run directories, and the embedded engine's database. */
  readonly stateDir: string;
  /** A file, of the state directory unless set; or a PostgreSQL database, whose URL may hold a password. */
  readonly ledger: { readonly path: string } | { readonly url: string };
  readonly taskQueue: string;
  /** `embedded`: the engine of the state directory, whatever the environment names. */
  readonly engine?: 'embedded';
  /** A worker silent for this long is taken for dead. */
  readonly heartbeatTimeoutMs: number | undefined;
  /** Private key that signs receipts, or its path; undefined: the one of the state directory. A secret. */
  readonly signingKey: string | undefined;
  /** Where a worker answers Prometheus, `host:port`; undefined: nowhere. */
  readonly metricsAddress: string | undefined;
  /** A worker's log as one JSON document a line, on stderr. */
  readonly jsonLog: boolean;
  /** Whether a collector of spans is named; by the standard variables of OpenTelemetry. */
  readonly tracing: boolean;
  readonly env: NodeJS.ProcessEnv;
}

const settingsSchema = z.object({
  NIGHTSHIFT_STATE: z.string().min(1).default('.nightshift'),
  NIGHTSHIFT_LEDGER: z.string().min(1).optional(),
  NIGHTSHIFT_TASK_QUEUE: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/, 'must be 1 to 100 letters, digits, ".", "_" or "-"')
    .default('nightshift'),
  NIGHTSHIFT_SIGNING_KEY: z.string().min(1).optional(),
  NIGHTSHIFT_METRICS: z
    .string()
    .regex(/^\S+:\d{1,5}$/, 'must be host:port, such as 127.0.0.1:9464')
    .optional(),
  NIGHTSHIFT_LOG: z.enum(['text', 'json']).default('text'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.string().optional(),
  NIGHTSHIFT_HEARTBEAT_SECONDS: z.coerce.number().min(5).max(3600).optional(),
});

/**
 * @param flags what the command line said; it goes before the environment, which goes before the defaults
 * A directory that is marked as one apart (`statePaths`) goes before all of them.
 * @throws UsageError naming the variable
 */
export function resolveConfig(
  flags: { readonly state?: string; readonly taskQueue?: string } = {},
  env: NodeJS.ProcessEnv = process.env,
): Config {
  const parsed = settingsSchema.safeParse(env);
  if (!parsed.success) {
    throw new UsageError(
      parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'),
    );
  }
  const { NIGHTSHIFT_STATE, NIGHTSHIFT_LEDGER, NIGHTSHIFT_TASK_QUEUE } = parsed.data;
  const { NIGHTSHIFT_HEARTBEAT_SECONDS, NIGHTSHIFT_SIGNING_KEY } = parsed.data;
  const stateDir = resolve(flags.state ?? NIGHTSHIFT_STATE);
  const config: Config = {
    stateDir,
    ledger: ledgerPlace(NIGHTSHIFT_LEDGER ?? statePaths(stateDir).ledger),
    taskQueue: flags.taskQueue ?? NIGHTSHIFT_TASK_QUEUE,
    heartbeatTimeoutMs: NIGHTSHIFT_HEARTBEAT_SECONDS && NIGHTSHIFT_HEARTBEAT_SECONDS * 1000,
    signingKey: NIGHTSHIFT_SIGNING_KEY,
    metricsAddress: parsed.data.NIGHTSHIFT_METRICS,
    jsonLog: parsed.data.NIGHTSHIFT_LOG === 'json',
    tracing: Boolean(
      parsed.data.OTEL_EXPORTER_OTLP_ENDPOINT || parsed.data.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    ),
    env,
  };
  return existsSync(statePaths(stateDir).apart) ? apartIn(config, stateDir) : config;
}

/**
 * The settings for a state directory of which nothing is shared with real runs, whatever the environment names: not the
 * engine, not the ledger, not the key that signs receipts.
 */
export const apartIn = (config: Config, stateDir: string): Config => ({
  ...config,
  stateDir,
  ledger: { path: statePaths(stateDir).ledger },
  engine: 'embedded',
  signingKey: undefined,
  metricsAddress: undefined,
});

/** A database where it is a URL of one, else a file. */
export const ledgerPlace = (place: string): Config['ledger'] =>
  /^postgres(ql)?:/i.test(place) ? { url: place } : { path: resolve(place) };

/** Places within the state directory. */
export const statePaths = (stateDir: string) => ({
  ledger: resolve(stateDir, 'ledger.db'),
  artifacts: resolve(stateDir, 'artifacts'),
  workers: resolve(stateDir, 'workers'),
  workerLock: resolve(stateDir, 'worker.lock'),
  /** Marks a state directory that has nothing to do with real runs, such as that of rehearsals. */
  apart: resolve(stateDir, 'APART'),
  /** The key pair that signs receipts. */
  keys: resolve(stateDir, 'keys'),
});
