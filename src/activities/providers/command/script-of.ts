import { basename } from 'node:path';

/** Programs whose first argument, unless it is an option, is the file that they run. */
const RUNS_FILES = /^(node|nodejs|tsx|bun|python[\d.]*|ruby|perl|php|(ba|da|z)?sh)$/;
/** Without an extension it may be a subcommand, or what the program finds by itself. */
const IS_SCRIPT = /^[^-].*\.[a-z]{1,4}$/;

/** The file that an interpreter is to run, as the command names it; undefined where none is seen. */
export const scriptOf = ([program = '', script]: readonly string[]): string | undefined =>
  script !== undefined && RUNS_FILES.test(basename(program)) && IS_SCRIPT.test(script) ? script : undefined;
