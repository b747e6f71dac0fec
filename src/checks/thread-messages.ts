import type { ErrorClass, ErrorFacts } from '../contract/errors.js';
import type { EarlierArtifact } from './similarity.js';
import type { TextFindings, TextRequest } from './text-checks.js';

/** What a thread is told: an artifact to read, and each earlier one that it has asked for; none when there are no more. */
export type ToThread =
  | { readonly kind: 'read'; readonly request: TextRequest }
  | { readonly kind: 'earlier'; readonly artifact: EarlierArtifact | undefined };

/** What a thread says. The last of each artifact is `found` or `failed`. */
export type FromThread =
  | { readonly kind: 'begins'; readonly check: string }
  /** `at` counts from 0: there the list begins anew. */
  | { readonly kind: 'earlier'; readonly at: number; readonly limit: number }
  | { readonly kind: 'found'; readonly findings: TextFindings }
  | {
      readonly kind: 'failed';
      readonly message: string;
      /** Of an AdapterError, whose class does not survive the way between threads. */
      readonly adapter?: { readonly errorClass: ErrorClass; readonly facts: ErrorFacts };
    };
