import type { Session } from '../../contract/messages.js';
import type { SessionHandle } from '../providers/provider.js';

const NAME_MAX = 200;
/** Says when, not which. */
const TIMES = /At$/;
const TIME = /^\d{4}-\d\d-\d\dT/;

/** How a person finds the session at its service: the ids there, and the run key that it carries. Holds no secret. */
export function sessionName(handle: SessionHandle | undefined): Session {
  if (handle === undefined) return {};
  const { runKey, attempt, ids } = handle;
  const run = `run ${runKey.slice(0, 12)}#${attempt}`;
  const named = Object.entries(ids).flatMap(([name, id]) =>
    (typeof id === 'string' || typeof id === 'number') && !TIMES.test(name) && !TIME.test(String(id))
      ? [`${name} ${id}`]
      : [],
  );
  // What is too long loses an id rather than the run, which is the same at every service.
  const text = named.join(', ').slice(0, NAME_MAX - run.length - 2);
  return { session: text === '' ? run : `${text}, ${run}` };
}
