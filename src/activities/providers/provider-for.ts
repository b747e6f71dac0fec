import type { AgentSpec, Definition } from '../../contract/batch-file.js';
import type { Json, JsonObject } from '../../contract/json.js';
import { mapFields, resolveSecrets } from '../../batch/secrets.js';
import type { Deps } from '../deps.js';
import { loadProvider } from '../load-adapter.js';
import { parseOptions } from '../adapter-options.js';
import { redacted, redactor, withoutSecrets } from '../redact.js';
import type { Passing, Provider } from './provider.js';

/** Fields of `agent` that are options of the provider. */
const OWN_OPTIONS = ['command', 'preset', 'cwd', 'env'] as const satisfies readonly (keyof AgentSpec)[];

/** The options of the provider as the batch file gives them, secrets as references. */
export function agentOptionsOf(agent: AgentSpec): JsonObject {
  const own = OWN_OPTIONS.flatMap((name) =>
    agent[name] === undefined ? [] : [[name, agent[name]] as const],
  );
  // A service shows whether a session gets anywhere, and is watched for that; a program of this host watches itself.
  const quiet = agent.use === 'command' && agent.quiet !== undefined && { quiet: agent.quiet };
  return { ...agent.with, ...Object.fromEntries(own), ...quiet };
}

/** Where one of them stands in the batch file. */
export function agentOptionPlace(
  agent: Pick<AgentSpec, 'with'>,
  path: readonly PropertyKey[],
): readonly PropertyKey[] {
  const [name] = path;
  const isOwn = OWN_OPTIONS.some((own) => own === name) && agent.with?.[String(name)] === undefined;
  return isOwn ? ['agent', ...path] : ['agent', 'with', ...path];
}

/**
 * Makes the provider that a batch names.
 * @param passing what goes with each of its requests
 * @throws AdapterError `config` when it can't be loaded or refuses its options
 */
export async function providerFor(
  definition: Definition,
  { stateDir, env }: Pick<Deps, 'stateDir' | 'env'>,
  { turn, refused }: Passing = {},
): Promise<Provider> {
  const { agent, baseDir } = definition;
  const module = await loadProvider(agent.use, baseDir);
  const options = parseOptions(module, agentOptionsOf(agent), 'agent');
  const redact = redactor(options as Json, env);
  const provider = await module.create({
    options,
    stateDir,
    secret: (text) => resolveSecrets(text, env),
    turn,
    refused: refused && ((error) => refused(redacted(error, redact))),
  });
  return withoutSecrets(provider, redact, ['find', 'poll'], (answer) =>
    mapFields(answer as JsonObject, (text, field) => (SAID.has(field) ? redact(text) : text)),
  );
}

/** Words of the service in what a provider answers. All else of it is ours, or what the service is asked with again. */
const SAID: ReadonlySet<string> = new Set(['why', 'note', 'message']);
