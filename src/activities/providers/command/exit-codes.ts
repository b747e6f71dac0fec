import { constants } from 'node:os';
import type { ErrorClass } from '../../../contract/errors.js';

/** What an exit code other than 0 means. The message goes on after the program's name. */
export interface ExitMeaning {
  readonly errorClass: ErrorClass;
  readonly message: string;
}

/** Codes of sysexits(3), of timeout(1), and those that the shell gives itself. */
const KNOWN: Readonly<Record<number, ExitMeaning>> = {
  64: { errorClass: 'invalid', message: 'was called in a wrong way' },
  65: { errorClass: 'invalid', message: 'can’t use its input' },
  69: { errorClass: 'transient', message: 'found a service unavailable' },
  75: { errorClass: 'transient', message: 'asks to be tried again later' },
  77: { errorClass: 'auth', message: 'lacks a permission' },
  78: { errorClass: 'config', message: 'is configured in a wrong way' },
  124: { errorClass: 'timeout', message: 'ran out of its own time limit' },
  126: { errorClass: 'config', message: 'may not be run' },
  127: { errorClass: 'config', message: 'was not found' },
};

const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** What programs do with codes of their own is for them to know: another session may do better. */
export function meaningOf(rc: number): ExitMeaning {
  const known = KNOWN[rc];
  if (known) return known;
  const signal = SIGNALS.get(rc - 128);
  if (signal === undefined) return { errorClass: 'rejected', message: 'failed' };
  const hint = signal === 'SIGKILL' ? '; was memory short?' : '';
  return { errorClass: 'transient', message: `was ended by ${signal}${hint}` };
}
