import type { Environment } from '../batch/secrets.js';

/** `${env:…}` stands for hosts and folders, too, which may well be written about. */
const SECRET_NAME = /key|token|secret|passw|passphrase|credential/i;
/** A shorter value may be any word. */
const LENGTH_MIN = 8;

/**
 * What an artifact gives away: an agent that was handed a key, or has read one, may have written it down. Looked for in its
 * bytes: one byte that is no UTF-8 makes no secret of it unreadable.
 * @param names of the variables that the batch file refers to
 */
export function secretProblems(bytes: Uint8Array, names: readonly string[], env: Environment): string[] {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength); // no copy
  return names
    .filter((name) => SECRET_NAME.test(name))
    .filter((name) => {
      const value = env[name];
      return (
        value !== undefined &&
        value.length >= LENGTH_MIN &&
        formsOf(value).some((form) => content.includes(form))
      );
    })
    .map((name) => `the artifact has the value of \${env:${name}} in it, a secret`);
}

/** In UTF-8, and in UTF-16 of either order. */
const formsOf = (value: string): Buffer[] => [
  Buffer.from(value),
  Buffer.from(value, 'utf16le'),
  Buffer.from(value, 'utf16le').swap16(),
];
