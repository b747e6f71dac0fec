import type { Environment } from '../batch/secrets.js';

/** `${env:…}` stands for hosts and folders, too, which may well be written about. */
const SECRET_NAME = /key|token|secret|passw|passphrase|credential/i;
/** A shorter value may be any word. */
const LENGTH_MIN = 8;

/**
 * What an artifact gives away: an agent that was handed a key, or has read one, may have written it down.
 * @param names of the variables that the batch file refers to
 */
export const secretProblems = (text: string, names: readonly string[], env: Environment): string[] =>
  names
    .filter((name) => SECRET_NAME.test(name))
    .filter((name) => {
      const value = env[name];
      return value !== undefined && value.length >= LENGTH_MIN && text.includes(value);
    })
    .map((name) => `the artifact has the value of \${env:${name}} in it, a secret`);
