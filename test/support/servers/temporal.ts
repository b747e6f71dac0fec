/**
 * A Temporal server of a test's own beside its PostgreSQL, prepared by the scripts of `deploy/`: the server of the
 * images where it was built (scripts/test-servers/temporal-server.mjs), else the one of the `temporal` program.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { locateBinary } from '../../../src/engine/index.js';
import { folderIfInstalled } from './loopback-process.js';
import { freePort } from './postgres.js';

const run = promisify(execFile);
const deployed = (name: string): string => fileURLToPath(new URL(`../../../deploy/${name}`, import.meta.url));

export interface TemporalServer {
  readonly address: string;
  readonly namespace: string;
  /** For messages: which server it is. */
  readonly kind: string;
  stop(): Promise<void>;
}

export interface TemporalServerOptions {
  /** For its files. */
  readonly dir: string;
  readonly postgresPort: number;
  /** Of the role `temporal`. */
  readonly password: string;
}

/** Starts it and makes the namespace `nightshift`, as the services of docker-compose.yml do. */
export async function startTemporal(options: TemporalServerOptions): Promise<TemporalServer> {
  const { path: temporal } = await locateBinary();
  const bin = join(options.dir, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(temporal, join(bin, 'temporal'));
  const built = await folderIfInstalled('temporal-server');
  const port = await freePort();
  const child = built ? await startBuilt(built, port, options) : startCli(temporal, port, options.dir);
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const address = `127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  try {
    await run('sh', [deployed('temporal-namespace.sh')], {
      env: {
        PATH: `${bin}${delimiter}${process.env.PATH}`,
        TEMPORAL_ADDRESS: address,
        TEMPORAL_NAMESPACE: 'nightshift',
        RETENTION: '720h',
      },
      timeout: 120_000,
    });
  } catch (cause) {
    await stop();
    throw new Error(`the Temporal server was not made ready:\n${said.slice(-3000)}`, { cause });
  }
  return { address, namespace: 'nightshift', kind: built ? 'server on PostgreSQL' : 'CLI', stop };
}

const startCli = (temporal: string, port: number, dir: string): ChildProcess =>
  spawn(
    temporal,
    ['server', 'start-dev', '--headless', '--port', `${port}`, '--db-filename', join(dir, 'temporal.db')],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );

async function startBuilt(
  folder: string,
  port: number,
  { dir, postgresPort, password }: TemporalServerOptions,
): Promise<ChildProcess> {
  const env = {
    PATH: process.env.PATH,
    SQL_TOOL: join(folder, 'sql'),
    SCHEMA: join(folder, 'schema'),
    SQL_HOST: '127.0.0.1',
    SQL_PORT: `${postgresPort}`,
    SQL_PLUGIN: 'postgres12',
    SQL_USER: 'temporal',
    SQL_PASSWORD: password,
  };
  // Twice: each `up` runs it.
  for (const _ of [1, 2]) await run('sh', [deployed('temporal-schema.sh')], { env });
  // Ports of the membership protocol stay as they are: PostgreSQL's schema holds none above 32,767.
  const names = ['FRONTEND_HTTP', 'MATCHING_GRPC', 'HISTORY_GRPC', 'WORKER_GRPC'];
  const ports: Record<string, string> = {};
  for (const name of names) ports[`${name}_PORT`] = `${await freePort()}`;
  return spawn(join(folder, 'server'), ['start'], {
    cwd: dir, // an empty folder: without files the settings come from the environment, as in the image
    env: {
      ...ports,
      FRONTEND_GRPC_PORT: `${port}`,
      BIND_ON_IP: '127.0.0.1',
      DB: 'postgres12',
      DB_PORT: `${postgresPort}`,
      POSTGRES_SEEDS: '127.0.0.1',
      POSTGRES_USER: 'temporal',
      POSTGRES_PWD: password,
      NUM_HISTORY_SHARDS: '4',
      DYNAMIC_CONFIG_FILE_PATH: deployed('dynamic-config.yaml'),
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
