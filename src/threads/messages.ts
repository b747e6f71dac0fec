import type { ErrorClass, ErrorFacts } from '../contract/errors.js';
import type { WorkName } from './works.js';

/** What a thread is told: work to do, and the answer to each of its questions. */
export type ToThread =
  | { readonly kind: 'work'; readonly name: WorkName; readonly request: unknown }
  | { readonly kind: 'answer'; readonly answer: unknown };

/** What a thread says. The last of each work is `done` or `failed`. */
export type FromThread =
  | { readonly kind: 'begins'; readonly step: string }
  | { readonly kind: 'asks'; readonly question: unknown }
  | { readonly kind: 'done'; readonly result: unknown }
  | {
      readonly kind: 'failed';
      readonly message: string;
      /** Of an AdapterError, whose class does not survive the way between threads. */
      readonly adapter?: { readonly errorClass: ErrorClass; readonly facts: ErrorFacts };
    };
