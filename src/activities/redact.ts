import { masked } from '../batch/masked.js';
import { secretNames, type Environment } from '../batch/secrets.js';
import { AdapterError } from '../contract/errors.js';
import type { Json } from '../contract/json.js';

/** Takes the values of the secrets that a JSON value refers to out of a text. */
export function redactor(value: Json, env: Environment): (text: string) => string {
  const secrets = secretNames(value)
    .map((name) => env[name])
    .filter((secret) => secret !== undefined);
  return (text) => masked(text, secrets);
}

/**
 * The same adapter, whose errors and answers repeat no secret: what a service says may repeat what it was sent,
 * credentials included.
 * @param verbs those whose answer has words of the service
 * @param cleaned such an answer, redacted
 */
export function withoutSecrets<Adapter extends { classify(error: unknown, during: never): AdapterError }>(
  adapter: Adapter,
  redact: (text: string) => string,
  verbs: readonly (keyof Adapter)[],
  cleaned: (answer: Json) => Json,
): Adapter {
  const classify = (error: unknown, during: never): AdapterError =>
    redacted(adapter.classify(error, during), redact);
  // An adapter may be a class: its verbs keep their own `this`, and all else is passed through. A proxy of a frozen
  // object may show nothing but what that has.
  return new Proxy(Object.isFrozen(adapter) ? (Object.create(adapter) as Adapter) : adapter, {
    get: (_, name) => {
      if (name === 'classify') return classify;
      const value: unknown = Reflect.get(adapter, name, adapter);
      if (typeof value !== 'function') return value;
      const verb = value.bind(adapter) as (...given: unknown[]) => Promise<unknown>;
      if (!verbs.some((one) => one === name)) return verb;
      return async (...given: unknown[]) => cleaned((await verb(...given)) as Json);
    },
  });
}

export function redacted(error: AdapterError, redact: (text: string) => string): AdapterError {
  const message = redact(error.message);
  // What a lane says of itself is more than its text, and has no secret.
  return message === error.message ? error : new AdapterError(error.errorClass, message, error.facts);
}
