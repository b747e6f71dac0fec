import type { Session } from '../../contract/messages.js';
import type { SessionHandle } from '../providers/provider.js';

const NAME_MAX = 200;
const TIME = /^\d{4}-\d\d-\d\dT/;

/** How a person finds the session at its service: the ids there, and the run key that it carries. Holds no secret. */
export function sessionName(handle: SessionHandle | undefined): Session {
  if (handle === undefined) return {};
  const { runKey, attempt, ids } = handle;
  const run = `run ${runKey.slice(0, 12)}#${attempt}`;
  const named = idsIn(ids).flatMap(([name, id]) => (TIME.test(String(id)) ? [] : [`${name} ${id}`]));
  // What is too long loses an id rather than the run, which is the same at every service.
  const text = named.join(', ').slice(0, NAME_MAX - run.length - 2);
  return { session: text === '' ? run : `${text}, ${run}` };
}

/** What adapters keep beside the ids, for themselves: when something was, how the place looked before, what they decided. */
const NOTE = /At$|^seen[A-Z]|^(?:claim|kickoff|onUnknown)$/;

/** Those by which people find the session at its service. */
export const idsIn = (ids: Readonly<Record<string, unknown>>): [name: string, id: string | number][] =>
  Object.entries(ids).filter(
    (entry): entry is [string, string | number] =>
      (typeof entry[1] === 'string' || typeof entry[1] === 'number') && !NOTE.test(entry[0]),
  );
