import type { Session } from '../../contract/messages.js';
import type { SessionHandle } from '../providers/provider.js';

const NAME_MAX = 200;
/** Says when, not which. */
const TIMES = /At$/;

/** How a person finds the session at its service: the ids there, and the run key that it carries. Holds no secret. */
export function sessionName(handle: SessionHandle | undefined): Session {
  if (handle === undefined) return {};
  const { runKey, attempt, ids } = handle;
  const named = Object.entries(ids).flatMap(([name, id]) =>
    (typeof id === 'string' || typeof id === 'number') && !TIMES.test(name) ? [`${name} ${id}`] : [],
  );
  const text = named.join(', ');
  return {
    session: `${text === '' ? '' : `${text}, `}run ${runKey.slice(0, 12)}#${attempt}`.slice(0, NAME_MAX),
  };
}
