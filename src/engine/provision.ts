import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.js';
import { type EngineFiles, readJsonObject, writeJson } from './engine-files.js';
import { EMBEDDED_NAMESPACE } from './namespace-probe.js';

/** How long closed Workflows can be looked at. The dev server's own 24 h would hide a night from the next one. */
const RETENTION = '168h';

/** About 0.1 s; more when a hundred processes start at once. */
const COMMAND_TIMEOUT_MS = 30_000;

/**
 * Sets retention and search attributes, once per database. The server's own `--search-attribute` acts only when it
 * makes the database, so one made by an older release, or in a start that was killed half-way, lacks some.
 * @throws when a command of the `temporal` program fails; the next start tries again
 */
export async function provision(
  binary: string,
  files: EngineFiles,
  server: { readonly address: string; readonly namespaceId: string; readonly env: NodeJS.ProcessEnv },
): Promise<void> {
  const wanted = {
    namespaceId: server.namespaceId,
    retention: RETENTION,
    searchAttributes: SEARCH_ATTRIBUTES,
  };
  if (JSON.stringify(readJsonObject(files.provisioned)) === JSON.stringify(wanted)) return;

  const operator = (...args: string[]): Promise<unknown> =>
    promisify(execFile)(
      binary,
      ['operator', ...args, '--namespace', EMBEDDED_NAMESPACE, '--address', server.address],
      { env: server.env, timeout: COMMAND_TIMEOUT_MS },
    );
  await operator('namespace', 'update', '--retention', RETENTION);
  const names = SEARCH_ATTRIBUTES.flatMap((name) => ['--name', name, '--type', 'Keyword']);
  await operator('search-attribute', 'create', ...names); // leaves those alone that are there
  writeJson(files.provisioned, wanted);
}
