import { optionsPage } from '../activities/load-adapter.js';
import type { Definition } from '../contract/batch-file.js';

/**
 * What a rehearsal can't hold back, for whoever believes that nothing leaves: code of the operator's own.
 * @param withAgent its sessions are run
 */
export function unwatchedIn({ agent, effects }: Definition, withAgent: boolean): string[] {
  const own = new Set(effects.map(({ use }) => use).filter((use) => isOwn('publisher', use)));
  const modules = [...own].map(
    (use) =>
      `${use} is a module of your own: its requests are held back, sockets that it opens by hand, programs that it starts and files that it writes are not`,
  );
  if (!withAgent) return modules;
  const { use, preset, command = [] } = agent;
  const beside = 'does beside what it hands over is not held back; it can tell a rehearsal by';
  if (use === 'command')
    return [...modules, `what ${preset ?? command.join(' ')} ${beside} NIGHTSHIFT_REHEARSAL=1`];
  return isOwn('provider', use) ? [...modules, `what ${use} ${beside} request.rehearsal`] : modules;
}

const isOwn = (kind: 'provider' | 'publisher', use: string): boolean => optionsPage(kind, use) === undefined;
