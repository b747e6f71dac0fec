import type { z } from 'zod';
import type { AdapterError } from '../../contract/errors.js';
import type { Receipt } from '../../contract/receipt.js';

/**
 * The Publisher port: one kind of destination. An adapter supplies the verbs below and declares its facts; the
 * order in which they are used, and what an unclear answer means, live in `activities/publish.ts` alone.
 * Each verb sends its request once.
 *
 * Classes: 1 create-if-absent on a name we choose · 2 a key the destination remembers for a while ·
 * 3 our mark can be stored and found · 4 nothing of that.
 */
export interface Publisher {
  readonly facts: PublisherFacts;
  /** Asks the destination for our effect, in whatever state it is. Required for classes 1 to 3. Changes nothing. */
  lookup?(request: EffectRequest, context: PublisherContext): Promise<FoundEffect>;
  /**
   * Puts the effect there, hidden where `facts.reveal`. "It exists already" is an answer, not an error.
   * @throws AdapterError; `facts.sent: 'no'` where the request surely never left
   */
  create(request: BodyRequest, context: PublisherContext): Promise<FoundEffect>;
  /** Makes a hidden object visible, by its id. */
  reveal?(placed: Placed, request: BodyRequest, context: PublisherContext): Promise<Placed>;
  /** Replaces what the receipt proves by the new body, only if it is still as the receipt says. */
  update?(request: BodyRequest, before: Receipt, context: PublisherContext): Promise<FoundEffect>;
  /** Takes away an extra object of ours (a twin). */
  discard?(placed: Placed, request: EffectRequest, context: PublisherContext): Promise<void>;
  /** Pure and total. */
  classify(error: unknown, during: PublisherVerb): AdapterError;
}

export type PublisherVerb = 'lookup' | 'create' | 'reveal' | 'update' | 'discard';

export interface PublisherFacts {
  readonly name: string;
  readonly class: 1 | 2 | 3 | 4;
  /** How long after an unclear answer the destination may still be working on it, in milliseconds. */
  readonly settleMs: number;
  /** Class 2: how long a key is remembered, in milliseconds, safety margin taken off. */
  readonly keyWindowMs?: number;
  /** Objects are created hidden and shown in a second step. */
  readonly reveal: boolean;
}

/** One effect of one job at one revision. */
export interface EffectRequest {
  readonly effectKey: string;
  readonly name: string;
  /** Filled in. */
  readonly target: string;
  readonly revision: number;
  /** Fingerprint of the job's payload, stored with our mark where the destination can hold it. */
  readonly fingerprint: string;
  readonly work: string;
  readonly jobKey: string;
  readonly identity: Readonly<Record<string, string>>;
  /** Rises with every try; a destination that can compare refuses a lower one. */
  readonly fence: number;
}

export interface BodyRequest extends EffectRequest {
  readonly body: Uint8Array;
  /** Hash of `body`. */
  readonly sha256: string;
  readonly mime: string | undefined;
}

/** Our object at the destination. */
export interface Placed {
  /** Id at the destination. */
  readonly id: string;
  readonly url?: string;
  /** Of what the destination holds now. */
  readonly sha256: string;
  /** As our mark there says; absent where the destination can't hold it. */
  readonly revision?: number;
  readonly fingerprint?: string;
  readonly visible: boolean;
}

/** `ours` carries our mark; `theirs` stands where ours should and does not. */
export type FoundEffect =
  | { readonly kind: 'absent' }
  | { readonly kind: 'ours'; readonly placed: Placed; readonly twins?: readonly Placed[] }
  | { readonly kind: 'theirs'; readonly location: string; readonly why: string };

export interface PublisherContext {
  /** Aborted when the job is cancelled, the worker stops, or this try may no longer write. */
  readonly signal: AbortSignal;
  now(): Date;
}

export interface PublisherSetup<Options> {
  /** The effect's `with`, filled in, checked and with secrets resolved. */
  readonly options: Options;
  /** Absolute folder of the batch file. */
  readonly baseDir: string;
}

/** What an adapter module exports as `publisher` (or by default). */
export interface PublisherModule<Options = unknown> {
  readonly kind: 'publisher';
  readonly name: string;
  readonly version: string;
  readonly options: z.ZodType<Options>;
  /** Made anew for each effect; must be cheap. Connections are shared inside the module. */
  create(setup: PublisherSetup<Options>): Publisher | Promise<Publisher>;
}

export const definePublisher = <Options>(
  module: Omit<PublisherModule<Options>, 'kind'>,
): PublisherModule<Options> => ({
  kind: 'publisher',
  ...module,
});
