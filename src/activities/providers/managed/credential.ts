import { durationMs } from '../../../contract/batch-file.js';
import type { ProviderSetup } from '../provider.js';
import type { ManagedOptions } from './options.js';
import type { JudgeOptions } from './ruling.js';

export interface Credential {
  /** The key as it is now. @throws AdapterError `config` naming the variable that is not set */
  readonly keyNow: () => string;
  /** How answers are judged now; every key that was used is kept out of what is said of them. */
  readonly judgeOptions: () => JudgeOptions;
}

/** The key of a managed service, resolved at each use. */
export function credentialOf(
  options: Pick<ManagedOptions, 'extraErrorCodes' | 'maxThrottle'> & { readonly apiKey: string },
  secret: ProviderSetup<unknown>['secret'],
): Credential {
  const secrets = new Set<string>();
  return {
    keyNow: () => {
      const key = secret(options.apiKey);
      secrets.add(key);
      return key;
    },
    judgeOptions: () => ({
      secrets: [...secrets],
      extraErrorCodes: options.extraErrorCodes,
      maxThrottleMs: durationMs(options.maxThrottle),
      now: new Date(),
    }),
  };
}
