import type { Declared } from '../batch/declared.js';
import { isNotSet, resolveSecrets, unsetReferences } from '../batch/secrets.js';
import type { FieldFinding } from '../batch/issue-sentences.js';
import { pathText } from '../batch/shown.js';
import { unsetFindings } from '../batch/unset-variables.js';
import type { AgentSpec, CheckSpec, EffectSpec } from '../contract/batch-file.js';
import { AdapterError, type ErrorClass } from '../contract/errors.js';
import type { Json, JsonObject } from '../contract/json.js';
import type { Effect } from '../contract/job.js';
import { messageOf } from '../contract/thrown.js';
import type { LeftToDo } from '../policy/left-to-do.js';
import { faultOf, optionFindings, parseOptions } from './adapter-options.js';
import { givenFindings, withPage } from './given-findings.js';
import { assertArtifactPlaces, loadCheck, loadProvider, loadPublisher, optionsPage } from './load-adapter.js';
import { agentOptionPlace, agentOptionsOf } from './providers/provider-for.js';
import { redactor } from './redact.js';

export interface ForeseenOn {
  readonly env: NodeJS.ProcessEnv;
  /** Whether jobs run on this host. Workers elsewhere may have variables and programs that it lacks. */
  readonly worksHere: boolean;
  /** What there is to do: what it does not need is not asked for, such as an agent's key where only effects are left. */
  readonly left: LeftToDo;
}

/** Something that would fail every job, at the place in the batch file where it is put right. */
export interface Foreseen extends FieldFinding {
  readonly errorClass: ErrorClass;
}

type Path = FieldFinding['path'];

/**
 * What would fail every job in the same way, and can be seen before any begins: adapters and checks that can't be loaded
 * or refuse their options; credentials and programs that are not there. Spends nothing, and asks nobody outside.
 * @param declared parts that are wrong in form are left out of it
 * @param effects of any one job; without them, what templates will say is not judged
 */
export async function foreseenTrouble(
  declared: Declared,
  effects: readonly Pick<Effect, 'name' | 'with' | 'key'>[],
  { env, worksHere, left }: ForeseenOn,
): Promise<readonly Foreseen[]> {
  const { agent, baseDir } = declared;
  const sessionsHere = worksHere && left === 'sessions';
  const effectsHere = worksHere && left !== 'nothing';
  const found: Foreseen[] = [];
  if (agent) {
    await look(`agent ${agent.use}`, ['agent'], agentOptionsOf(agent), async () => [
      ...(await lookAtAgent(agent, { baseDir, env, here: sessionsHere })),
      ...(left === 'sessions' && declared.budget ? await otherCurrency(agent, declared.budget, baseDir) : []),
    ]);
  }
  for (const [at, check] of declared.checks.entries()) {
    if (!check) continue;
    const path = ['checks', at];
    await look(pathText(path), path, 'use' in check ? check.with : {}, () =>
      lookAtCheck(check, path, { baseDir, env, here: sessionsHere }),
    );
  }
  for (const [at, spec] of declared.effects.entries()) {
    if (!spec) continue;
    const path = ['effects', at];
    const filled = effects.find(({ name }) => name === spec.name);
    await look(`effect "${spec.name}"`, path, spec.with, () =>
      lookAtEffect(spec, filled, path, { baseDir, env, here: effectsHere }),
    );
  }
  return found;

  /** Modules of the operator's own throw what they like: whatever it is, they can't be used. */
  async function look(
    what: string,
    path: Path,
    options: Json,
    act: () => Promise<readonly FieldFinding[]>,
  ): Promise<void> {
    try {
      found.push(...(await act()).map((finding) => ({ errorClass: 'config' as const, ...finding })));
    } catch (error) {
      found.push({ path, at: 'value', ...(error instanceof AdapterError ? saidOf(error) : brokeOff(error)) });
    }

    function brokeOff(error: unknown): Pick<Foreseen, 'errorClass' | 'message'> {
      const said = redactor(options, env)(messageOf(error));
      return { errorClass: 'config', message: `${what} could not be looked at before the start: ${said}` };
    }
  }
}

const saidOf = ({ errorClass, message }: AdapterError): Pick<Foreseen, 'errorClass' | 'message'> => ({
  errorClass,
  message,
});

interface Where {
  readonly baseDir: string;
  readonly env: NodeJS.ProcessEnv;
  /** Whether it is this host that will need what variables and programs there are. */
  readonly here: boolean;
}

async function lookAtAgent(
  agent: AgentSpec,
  { baseDir, env, here }: Where,
): Promise<readonly FieldFinding[]> {
  const found = await loaded(loadProvider(agent.use, baseDir), ['agent', 'use']);
  if ('finding' in found) return [found.finding];
  const { module } = found;
  const given = agentOptionsOf(agent);
  const place = (path: Path) => agentOptionPlace(agent, path);
  const against = optionFindings(module, { value: given, place });
  const findings = withPage(against.map(ofOwnField), optionsPage('provider', agent.use));
  const lacking = here ? [...findings, ...unsetFindings(given, place, env)] : findings;
  if (!here || findings.length > 0) return lacking;
  const options = parseOptions(module, given, 'agent');
  const unset = [...lacking, ...unsetDefaults(agent.use, options, given, env)];
  if (unset.length === 0)
    await module.preflight?.({ options, baseDir, secret: (text) => resolveSecrets(text, env) });
  return unset;

  /** A field of the agent itself that this provider does not have: options of other names are no help there. */
  function ofOwnField(finding: FieldFinding): FieldFinding {
    if (finding.at !== 'key' || finding.path[1] === 'with') return finding;
    const { path, at } = finding;
    return { path, at, message: `${pathText(path)} is not for the provider ${agent.use}` };
  }
}

/** Found out by the first session, it would be paid for in vain: no other one would follow. */
async function otherCurrency(
  { use }: AgentSpec,
  { currency: given }: NonNullable<Declared['budget']>,
  baseDir: string,
): Promise<readonly FieldFinding[]> {
  const found = await loaded(loadProvider(use, baseDir), ['agent', 'use']);
  if ('finding' in found) return []; // is told already
  const { currency } = found.module;
  if (currency === undefined || currency === given) return [];
  return [
    {
      path: ['budget', 'currency'],
      at: 'value',
      message: `budget.currency is ${given}, but what sessions of ${use} cost is booked in ${currency}, and the two can't be added`,
      hint: `currency: ${currency}, and the amounts of the budget in it`,
    },
  ];
}

async function lookAtCheck(
  check: CheckSpec,
  path: Path,
  { baseDir, env, here }: Where,
): Promise<readonly FieldFinding[]> {
  if (!('use' in check)) {
    // Only where there are checks: the command line is to start at once.
    const { mustBeUsable } = await import('../checks/must-be-usable.js');
    await mustBeUsable(check, baseDir);
    return [];
  }
  const found = await loaded(loadCheck(check.use, baseDir), [...path, 'use']);
  if ('finding' in found) return [found.finding];
  return givenFindings(found.module, check.with, { base: [...path, 'with'], env, here });
}

async function lookAtEffect(
  spec: EffectSpec,
  filled: Pick<Effect, 'with' | 'key'> | undefined,
  path: Path,
  { baseDir, env, here }: Where,
): Promise<readonly FieldFinding[]> {
  const found = await loaded(loadPublisher(spec.use, baseDir), [...path, 'use']);
  if ('finding' in found) return [found.finding];
  const { module } = found;
  const options = filled?.with ?? spec.with;
  assertArtifactPlaces(module, options, `effect "${spec.name}"`);
  const page = optionsPage('publisher', spec.use);
  const isTemplate = filled === undefined ? hasTemplate : () => false;
  const base = [...path, 'with'];
  const findings = givenFindings(module, options, { base, env, here, page, isTemplate });
  return filled === undefined ? findings : [...findings, ...withPage(faultOf(module, filled, base), page)];
}

const hasTemplate = (text: string): boolean => /\{[{%]/.test(text);

/** References that no file has: the provider's own. */
function unsetDefaults(
  use: string,
  parsed: unknown,
  given: JsonObject,
  env: NodeJS.ProcessEnv,
): FieldFinding[] {
  const defaults = Object.entries(parsed as JsonObject).filter(([option]) => !Object.hasOwn(given, option));
  return unsetReferences(Object.fromEntries(defaults), env).map(({ name, path }) => ({
    path: ['agent', 'use'],
    at: 'value',
    message: `${isNotSet(name)}; ${use} takes it where the batch file names no other one`,
    hint: `set it where jobs run, or name another one: agent.with.${pathText(path)}: "\${env:NAME}"`,
  }));
}

async function loaded<Module>(
  loading: Promise<Module>,
  path: Path,
): Promise<{ readonly module: Module } | { readonly finding: FieldFinding }> {
  try {
    return { module: await loading };
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    return { finding: { path, at: 'value', message: error.message } };
  }
}
