import { accessSync, constants } from 'node:fs';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { messageOf } from '../contract/thrown.js';
import { EngineUnavailable } from './engine-unavailable.js';
import type { Engine, EngineConnection } from './open-engine.js';

/** Temporal's own defaults, for a profile that leaves them out. */
const DEFAULT_ADDRESS = 'localhost:7233';
const DEFAULT_NAMESPACE = 'default';

/** Long enough for a server that is just coming up beside us, short enough for a mistyped address. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * The server that the environment or `temporal.toml` names, by Temporal's own conventions: TEMPORAL_ADDRESS, or a
 * profile with an address, or anything else that says where to look (TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE).
 * @returns the engine, once it has answered; undefined when none is configured
 * @throws  EngineUnavailable when the settings cannot be read or the server does not answer in 10 s
 */
export async function openConfigured(env: NodeJS.ProcessEnv): Promise<Engine | undefined> {
  const configured = readConnection(env);
  if (!configured) return undefined;
  const { connection, namespace } = configured;
  await connectOnce(connection);
  return {
    kind: 'configured',
    address: connection.address,
    namespace,
    webUi: undefined,
    connection,
    release: () => undefined,
  };
}

/**
 * Whether a server of the operator's would be connected to.
 * @param of.engine `embedded`: none is, whatever the environment names
 * @throws EngineUnavailable when the settings cannot be read
 */
export const isEngineConfigured = (of: {
  readonly env: NodeJS.ProcessEnv;
  readonly engine?: 'embedded';
}): boolean => of.engine !== 'embedded' && readConnection(of.env) !== undefined;

function readConnection(
  env: NodeJS.ProcessEnv,
): { connection: EngineConnection; namespace: string } | undefined {
  const variables = withoutEmpty(env);
  const asked = ['TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'].filter((name) => variables[name] !== undefined);
  const { connectionOptions, namespace = DEFAULT_NAMESPACE } = load(variables);
  const { address, tls, apiKey, metadata } = connectionOptions;
  if (address === undefined && asked.length === 0) return undefined;
  return {
    namespace,
    connection: {
      address: address ?? DEFAULT_ADDRESS,
      ...(tls !== undefined && tls !== null && { tls }),
      ...(apiKey !== undefined && { apiKey }),
      ...(metadata !== undefined && { metadata: metadata as Record<string, string> }),
    },
  };
}

function load(variables: Record<string, string>): ReturnType<typeof loadClientConnectConfig> {
  const file = variables['TEMPORAL_CONFIG_FILE'];
  try {
    if (file !== undefined) accessSync(file, constants.R_OK); // a file that is asked for but missing is passed over
    return loadClientConnectConfig({ overrideEnvVars: variables });
  } catch (error) {
    const where = file ?? 'temporal.toml in the user’s configuration folder';
    throw new EngineUnavailable(
      'The settings for Temporal cannot be read.',
      [`${where}: ${messageOf(error)}`],
      'Correct the file or the TEMPORAL_* variables; without both, the embedded engine is used.',
      { cause: error },
    );
  }
}

/** An empty variable is one not set: `TEMPORAL_ADDRESS= nightshift …` asks for the embedded engine. */
function withoutEmpty(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
}

/** With the SDK's own client, so that TLS, keys and proxies are tried the way they will be used. */
async function connectOnce(connection: EngineConnection): Promise<void> {
  const { Connection } = await import('@temporalio/client'); // 0.2 s and 30 MB that the embedded engine does without
  try {
    const probe = await Connection.connect({ ...connection, connectTimeout: CONNECT_TIMEOUT_MS });
    await probe.close();
  } catch (error) {
    throw new EngineUnavailable(
      `The configured Temporal at ${connection.address} does not answer.`,
      [`connection to ${connection.address}, at most ${CONNECT_TIMEOUT_MS / 1_000} s: ${messageOf(error)}`],
      'Check the server, TEMPORAL_ADDRESS, TEMPORAL_TLS… and TEMPORAL_API_KEY; unset them to use the embedded engine.',
      { cause: error },
    );
  }
}
