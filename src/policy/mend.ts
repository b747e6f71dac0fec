/**
 * What a person does where no try helps before something is mended. Only a start reads the batch file; a retry goes on
 * from what was stored of it, with the variables that its worker has.
 */
import type { ErrorClass } from '../contract/errors.js';

export const MENDABLE = ['auth', 'config', 'budget'] as const satisfies readonly ErrorClass[];
export type Mendable = (typeof MENDABLE)[number];

export interface MendCommands {
  /** Starts the batch from its file. */
  readonly run: string;
  readonly retry: string;
}

export interface MendStep {
  readonly what: string;
  readonly command: string;
}

/** The command that always fits comes first. */
export function mendSteps(
  errorClass: Mendable,
  { run, retry }: MendCommands,
): readonly [MendStep, ...MendStep[]] {
  switch (errorClass) {
    case 'auth':
      return [
        {
          what: 'put the credentials right where workers run, and start those again, for they read variables at their start; then go on',
          command: retry,
        },
        { what: 'where the batch file names other variables now, start it from the file', command: run },
      ];
    case 'config':
      return [
        {
          what: 'put the configuration right in the batch file, then start it from the file, which a retry does not read',
          command: run,
        },
        { what: 'where the file was right and the machine or the service was mended, go on', command: retry },
      ];
    case 'budget':
      return [{ what: 'raise the budget in the batch file, then start it from the file', command: run }];
  }
}
