import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname, isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { namesArtifact } from '../batch/artifact-mark.js';
import { suggestion } from '../batch/nearest.js';
import type { CheckModule } from '../checks/define-check.js';
import { AdapterError } from '../contract/errors.js';
import type { JsonObject } from '../contract/json.js';
import { messageOf } from '../contract/thrown.js';
import type { ProviderModule } from './providers/provider.js';
import type { PublisherModule } from './publishers/publisher.js';

type Kind = 'provider' | 'publisher' | 'check';
type Modules = {
  readonly provider: ProviderModule;
  readonly publisher: PublisherModule;
  readonly check: CheckModule;
};

/** Each is loaded when a batch first names it, so nobody waits for a library that is not used. */
const BUILT_IN: { readonly [K in Kind]: Readonly<Record<string, () => Promise<Modules[K]>>> } = {
  provider: {
    command: async () => (await import('./providers/command/provider.js')).command,
    antigravity: async () => (await import('./providers/antigravity/provider.js')).antigravity,
    claude: async () => (await import('./providers/claude/provider.js')).claude,
  },
  publisher: {
    folder: async () => (await import('./publishers/folder/publisher.js')).folder,
    git: async () => (await import('./publishers/git/publisher.js')).git,
    postgres: async () => (await import('./publishers/postgres/publisher.js')).postgres,
    s3: async () => (await import('./publishers/s3/publisher.js')).s3,
    'azure-blob': async () => (await import('./publishers/azure-blob/publisher.js')).azureBlob,
    wordpress: async () => (await import('./publishers/wordpress/publisher.js')).wordpress,
    ghost: async () => (await import('./publishers/ghost/publisher.js')).ghost,
    http: async () => (await import('./publishers/http/publisher.js')).http,
    smtp: async () => (await import('./publishers/smtp/publisher.js')).smtp,
    resend: async () => (await import('./publishers/resend/publisher.js')).resend,
    stripe: async () => (await import('./publishers/stripe/publisher.js')).stripe,
  },
  check: {}, // the batch file names those that come with nightshift by a field of their own
};

/**
 * Loads the provider that a batch names: a built-in one, or a module by its path relative to the batch file.
 * @throws AdapterError `config` that says which name or path, and what is missing there
 */
export const loadProvider = (use: string, baseDir: string): Promise<ProviderModule> =>
  load('provider', use, baseDir);

/** The same for a publisher. */
export const loadPublisher = (use: string, baseDir: string): Promise<PublisherModule> =>
  load('publisher', use, baseDir);

/** The same for a check, which is a module of the operator's always. */
export const loadCheck = (use: string, baseDir: string): Promise<CheckModule> => load('check', use, baseDir);

/** The page that tells all options of an adapter; undefined for modules of the operator's own. */
export function optionsPage(kind: Kind, use: string): string | undefined {
  if (!Object.hasOwn(BUILT_IN[kind], use)) return undefined;
  return `docs/${kind === 'provider' ? 'providers' : 'destinations'}/${use}.md`;
}

/**
 * Who gets an effect and what it costs is for the operator and the job to say, never for an agent.
 * @param options as `effectsOf` filled them in, the artifact still a mark
 * @throws AdapterError `config` that names the option
 */
export function assertArtifactPlaces(
  { name, neverArtifact = [] }: Pick<PublisherModule, 'name' | 'neverArtifact'>,
  options: JsonObject,
  where: string,
): void {
  const field = neverArtifact.find((option) => namesArtifact(options[option] ?? null));
  if (field === undefined) return;
  throw refused(
    `${where}: ${name} takes no {{ artifact }} in ${field}; it comes from the batch file or the job`,
  );
}

/** By kind and absolute path: a module is read once in a process. */
const loaded = new Map<string, Promise<unknown>>();

async function load<K extends Kind>(kind: K, use: string, baseDir: string): Promise<Modules[K]> {
  if (!isPath(use)) return builtIn(kind, use);
  const path = resolve(baseDir, use);
  const cacheKey = `${kind}:${path}`;
  const cached = loaded.get(cacheKey) as Promise<Modules[K]> | undefined;
  const module = cached ?? loadFile(kind, use, path);
  loaded.set(cacheKey, module);
  try {
    return await module;
  } catch (error) {
    loaded.delete(cacheKey); // whoever mends it need not restart the worker
    throw error;
  }
}

const isPath = (use: string): boolean => use.startsWith('.') || isAbsolute(use);

function builtIn<K extends Kind>(kind: K, use: string): Promise<Modules[K]> {
  const table = BUILT_IN[kind];
  const load = Object.hasOwn(table, use) ? table[use] : undefined;
  if (load) return load();
  const other: Kind = kind === 'provider' ? 'publisher' : 'provider';
  const hint = Object.hasOwn(BUILT_IN[other], use)
    ? `"${use}" is a ${other}; known here: ${Object.keys(table).join(', ')}`
    : `${suggestion(use, Object.keys(table))}; a module of your own is named by its path, such as ./${use}.ts`;
  throw refused(`there is no ${kind} "${use}": ${hint}`);
}

async function loadFile<K extends Kind>(kind: K, use: string, path: string): Promise<Modules[K]> {
  if (!(await stat(path).catch(() => undefined))?.isFile()) {
    throw refused(`the ${kind} ${use} is not there [path=${path}]; paths are relative to the batch file`);
  }
  let exported;
  try {
    exported = await importAdapterFile(path);
  } catch (error) {
    const said = messageOf(error);
    throw refused(`the ${kind} ${use} can’t be loaded [path=${path}]: ${said}`, error);
  }
  return checked(kind, use, exported);
}

/** What a module of the operator's own exports; TypeScript is read as it is. */
export async function importAdapterFile(path: string): Promise<Record<string, unknown>> {
  if (/^\.[mc]?js$/.test(extname(path))) {
    try {
      return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
    } catch (error) {
      // Nothing of it has run: names are resolved before. Outside a project that has us installed, only we can.
      if (!isUnresolved(error)) throw error;
    }
  }
  return importThroughJiti(path);
}

const isUnresolved = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  error.code === 'ERR_MODULE_NOT_FOUND' &&
  /'(nightshift(\/adapter)?|zod)'/.test(error.message);

/**
 * For TypeScript, and for modules that can't find us by themselves. They are given our own instances: an
 * AdapterError of another copy would not be recognised.
 */
async function importThroughJiti(path: string): Promise<Record<string, unknown>> {
  const { createJiti } = await import('jiti');
  const virtualModules: Record<string, unknown> = { 'nightshift/adapter': await import('../adapter.js') };
  if (!resolvesFrom(path, 'zod')) virtualModules['zod'] = await import('zod');
  const jiti = createJiti(pathToFileURL(path).href, {
    virtualModules,
    interopDefault: false,
    fsCache: false,
  });
  return jiti.import(path);
}

function resolvesFrom(path: string, name: string): boolean {
  try {
    createRequire(path).resolve(name);
    return true;
  } catch {
    return false;
  }
}

function checked<K extends Kind>(kind: K, use: string, exported: Record<string, unknown>): Modules[K] {
  const module = exported[kind] ?? exported['default'];
  if (typeof module !== 'object' || module === null) {
    const names = Object.keys(exported).join(', ') || 'nothing';
    throw refused(`${use} must export \`${kind}\`, or a default; it exports ${names}`);
  }
  const faults = faultsOf(kind, module as Record<string, unknown>);
  if (faults.length > 0) throw refused(`${use} is no ${kind}: ${faults.join('; ')}`);
  return module as Modules[K];
}

function faultsOf(
  kind: Kind,
  { kind: said, name, version, options, create, run }: Record<string, unknown>,
): string[] {
  const faults: string[] = [];
  if (said !== kind) faults.push(`its kind is ${JSON.stringify(said) ?? 'missing'}, not "${kind}"`);
  if (typeof name !== 'string' || name === '') faults.push('its name is missing');
  if (typeof version !== 'string' || version === '') faults.push('its version is missing');
  if (typeof options !== 'object' || options === null || !('safeParse' in options)) {
    faults.push('its options are no schema (an object with safeParse, such as zod makes)');
  }
  const [verb, made] = kind === 'check' ? (['run', run] as const) : (['create', create] as const);
  if (typeof made !== 'function') faults.push(`it has no ${verb}()`);
  return faults;
}

const refused = (message: string, cause?: unknown): AdapterError =>
  new AdapterError('config', message, { sent: 'no' }, { cause });
