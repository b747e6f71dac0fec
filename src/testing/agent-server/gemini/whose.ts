import { NOBODY, sha256, type Who } from '../draw.js';
import type { Ask, World } from '../http/call.js';
import { field, jsonBody, textField } from '../http/json-body.js';
import { promptOf } from './create-body.js';
import type { Environment } from './environment.js';
import type { Interaction } from './interaction.js';
import type { Trigger } from './trigger.js';

type About = Pick<Ask, 'call' | 'params'>;

/** `<runKey>-<attempt>`, in a claim file's name or a trigger's display name. */
const MARK = /^([0-9a-f]{32})-(\d{1,9})$/;

function marked(text: string | undefined): Who | undefined {
  const found = text === undefined ? null : MARK.exec(text);
  return found?.[1] === undefined ? undefined : { runKey: found[1], attempt: Number(found[2]) };
}

export const claimOf = (path: string): Who | undefined =>
  path.startsWith('claim/') ? marked(path.slice('claim/'.length)) : undefined;

/** Run and attempt of an interaction's body: labels, webhook metadata, environment, else the prompt's hash. */
export function whoOfBody(body: unknown, { store }: Pick<World, 'store'>): Who {
  const labels = field(body, 'labels');
  const label = textField(labels, 'ns_run');
  if (label !== undefined)
    return { runKey: label, attempt: Number(textField(labels, 'ns_attempt') ?? 1) || 0 };
  const metadata = field(field(body, 'webhook_config'), 'user_metadata');
  const runKey = textField(metadata, 'runKey');
  if (runKey !== undefined) return { runKey, attempt: Number(field(metadata, 'attempt') ?? 1) || 0 };
  const environment = field(body, 'environment');
  const id = typeof environment === 'string' ? environment : textField(environment, 'environment_id');
  const owner = id === undefined ? undefined : store.get<Environment>('environment', id)?.who;
  if (owner && owner.runKey !== '') return owner;
  const prompt = promptOf(field(body, 'input'));
  return prompt === '' ? NOBODY : { runKey: `prompt-${sha256(prompt).slice(0, 25)}`, attempt: 1 };
}

export const whoOfCreate = ({ call }: About, world: World): Who => whoOfBody(jsonBody(call), world);

export const whoOfInteraction = ({ params }: About, { store }: World): Who =>
  store.get<Interaction>('interaction', params['id'] ?? '')?.who ?? NOBODY;

export const whoOfEnvironment = ({ params }: About, { store }: World): Who =>
  claimOf(params['path'] ?? '') ?? store.get<Environment>('environment', params['id'] ?? '')?.who ?? NOBODY;

export function whoOfTriggerBody({ call }: About, world: World): Who {
  const body = jsonBody(call);
  return marked(textField(body, 'display_name')) ?? whoOfBody(field(body, 'interaction'), world);
}

export const whoOfTrigger = ({ params }: About, { store }: World): Who =>
  store.get<Trigger>('trigger', params['id'] ?? '')?.who ?? NOBODY;

export const nobody = (): Who => NOBODY;
