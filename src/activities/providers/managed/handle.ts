import type { Json } from '../../../contract/json.js';
import type { SessionHandle, SessionRequest } from '../provider.js';

type Phase = NonNullable<SessionHandle['phase']>;

/** A handle before anything has an id at the service. */
export const newHandle = (
  provider: string,
  { runKey, attempt }: Pick<SessionRequest, 'runKey' | 'attempt'>,
): SessionHandle => ({ v: 1, provider, runKey, attempt, phase: 'prepared', ids: {} });

/** The handle in another phase, with ids added. */
export const advanced = (
  handle: SessionHandle,
  phase: Phase,
  ids: Readonly<Record<string, Json>> = {},
): SessionHandle => ({ ...handle, phase, ids: { ...handle.ids, ...ids } });

export const phaseOf = ({ phase }: Pick<SessionHandle, 'phase'>): Phase => phase ?? 'started';

/** A text among the ids; undefined where it is missing or empty. */
export function textId({ ids }: Pick<SessionHandle, 'ids'>, name: string): string | undefined {
  const value = ids[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A time among the ids, in milliseconds; undefined where it is missing or no time. */
export function timeId(handle: Pick<SessionHandle, 'ids'>, name: string): number | undefined {
  const ms = Date.parse(textId(handle, name) ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
