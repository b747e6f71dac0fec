import type { Definition } from '../contract/batch-file.js';
import { AdapterError, type ErrorClass } from '../contract/errors.js';
import type { Effect } from '../contract/job.js';
import { noRoom, roomIn } from '../free-room.js';
import type { LeftToDo } from '../policy/left-to-do.js';
import { inOneLine } from './adapter-options.js';
import type { Deps } from './deps.js';
import { foreseenTrouble, type Foreseen } from './foreseen.js';

export type Trouble = Pick<Foreseen, 'errorClass' | 'message' | 'hint'>;

/** What this host lacks for what is left of a batch. Spends nothing, and asks nobody outside. @param effects of any one job */
export async function lacksHere(
  definition: Definition,
  { effects, left }: { readonly effects: readonly Effect[]; readonly left: LeftToDo },
  { stateDir, env }: Pick<Deps, 'stateDir' | 'env'>,
): Promise<readonly Trouble[]> {
  // What is made already may land: it needs little, and to be told that it can't would not make more room.
  const full = left === 'sessions' ? noRoom(await roomIn(stateDir)) : undefined;
  return [
    ...(full ? [{ errorClass: 'config', ...full } as const] : []),
    ...(await foreseenTrouble(definition, effects, { env, worksHere: true, left })),
  ];
}

/** @param say makes the text of what is wrong */
export function refusalFor(trouble: readonly Trouble[], say: (what: string) => string): AdapterError {
  const errorClass: ErrorClass = trouble.every((one) => one.errorClass === 'auth') ? 'auth' : 'config';
  return new AdapterError(errorClass, say(trouble.map(inOneLine).join('; ')), { sent: 'no' });
}
