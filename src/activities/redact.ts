import { secretNames, type Environment } from '../batch/secrets.js';
import type { Json } from '../contract/json.js';

/** Shorter values are no secrets, and replacing them would make messages unreadable. */
const SECRET_LENGTH_MIN = 6;

/**
 * Takes the values of the secrets that a JSON value refers to out of a text, also in the forms that servers like to
 * send back: base64 (Basic sign-in), percent-encoded.
 */
export function redactor(value: Json, env: Environment): (text: string) => string {
  const secrets = secretNames(value)
    .map((name) => env[name])
    .filter((secret) => secret !== undefined)
    .filter((secret) => secret.length >= SECRET_LENGTH_MIN)
    .flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      Buffer.from(secret).toString('hex'),
      JSON.stringify(secret).slice(1, -1),
    ])
    .sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
}
