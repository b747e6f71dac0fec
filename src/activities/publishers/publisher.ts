import type { z } from 'zod';
import type { AdapterError } from '../../contract/errors.js';
import type { JsonObject } from '../../contract/json.js';
import type { Receipt } from '../../contract/receipt.js';

/**
 * The Publisher port: one kind of destination. An adapter supplies the verbs below and declares its facts; the
 * order in which they are used, and what an unclear answer means, live in `activities/land-effect.ts` alone.
 * Each verb sends its request once: no retries of SDK or HTTP client, no redirects followed.
 *
 * Classes, by what the destination offers:
 *
 *  1  create-if-absent on a name that we choose, kept for ever
 *  2  a key that it remembers for a while
 *  3  our mark can be stored and found
 *  4  nothing of that: sent once, and held when no answer came
 */
export interface Publisher {
  readonly facts: PublisherFacts;
  /**
   * Asks the destination for our effect, in whatever state it is (hidden, visible, trashed), with the credentials
   * that create it. Changes nothing: rehearsals call this verb and no other. Required for classes 1 and 3.
   */
  lookup?(request: EffectRequest, context: PublisherContext): Promise<FoundEffect>;
  /**
   * Puts the effect there, hidden where there is a `reveal`. "It exists already" is an answer, not an error. Where the
   * destination gave it another name, that is `ours` all the same: the look-up that follows finds out.
   * @throws AdapterError; `facts.sent: 'no'` where the request surely never left, `'rejected'` where it was refused
   */
  create(request: BodyRequest, context: PublisherContext): Promise<FoundEffect>;
  /** Makes a hidden object visible, by its id. Repeatable. */
  reveal?(placed: Placed, request: BodyRequest, context: PublisherContext): Promise<Placed>;
  /** Replaces what the receipt proves by the new body, only if it is still as the receipt says; else `theirs`. */
  update?(request: BodyRequest, before: Receipt, context: PublisherContext): Promise<FoundEffect>;
  /** Takes away an extra object of ours; one already gone counts as taken away. */
  discard?(placed: Placed, request: EffectRequest, context: PublisherContext): Promise<void>;
  /**
   * Undoes what the receipt proves, as `facts.unpublish` says; one already gone counts as done.
   * @throws AdapterError `conflict` where it was changed since by somebody else
   */
  unpublish?(request: EffectRequest, receipt: Receipt, context: PublisherContext): Promise<void>;
  /** What would go wrong tonight: reachable, signed in, allowed, honest. Changes nothing that anybody can see. */
  probe?(context: PublisherContext): Promise<readonly ProbeFinding[]>;
  /** Pure and total. */
  classify(error: unknown, during: PublisherVerb): AdapterError;
}

export type PublisherVerb = 'lookup' | 'create' | 'reveal' | 'update' | 'discard' | 'unpublish' | 'probe';

export interface PublisherFacts {
  readonly name: string;
  readonly class: 1 | 2 | 3 | 4;
  /**
   * `exact`: a look-up that says "absent", after the settle time, is proof. `scan`: it may have missed something, as
   * where lists are kept for some days only. `none`: there is no look-up.
   */
  readonly lookup: 'exact' | 'scan' | 'none';
  /** It looks only where the options say: that it is absent there says nothing of a request with other options. */
  readonly looksByPlace?: true;
  /** How long a request without an answer may still be at work there, in milliseconds. 0 where a late one does no harm. */
  readonly settleMs: number;
  /**
   * Class 3: how long a request may be on its way, in milliseconds, before its adapter gives it up. What a try has sent
   * whose end nobody has heard is looked for after this and the settle time.
   */
  readonly requestMs?: number;
  /** Class 3: how long two creations at the same time take to see each other, in milliseconds. */
  readonly raceMs?: number;
  /** Class 2: how long a key is remembered, in milliseconds, safety margin taken off. */
  readonly keyWindowMs?: number;
  /** What `unpublish` does. */
  readonly unpublish?: 'hide' | 'delete' | 'reverse';
}

/** One line of what `probe` found. */
export interface ProbeFinding {
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
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
  /** True when an earlier try may have sent something: worth a wider search. */
  readonly sentBefore: boolean;
  /** The newest receipt that the ledger has of this effect, of whatever revision. */
  readonly receipt: Receipt | undefined;
  /** Our own `unpublish` took back what the receipt proves: that it is hidden or gone is no person's doing. */
  readonly takenBack?: boolean;
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

/**
 * `ours` carries our mark and the name asked for · `theirs` stands where ours should, and is not ours, or was changed
 * by somebody · `removed` was ours, and a person took it away (trash). `extras` are other objects of ours: twins, or
 * drafts of a crash under a changed name; they go.
 */
export type FoundEffect = (
  | { readonly kind: 'absent' }
  | { readonly kind: 'ours'; readonly placed: Placed }
  | {
      readonly kind: 'theirs';
      readonly location: string;
      readonly why: string;
      /** Key of the effect of ours that it belongs to, as it stands in `why`: people are told that effect's name. */
      readonly owner?: string;
    }
  | { readonly kind: 'removed'; readonly location: string; readonly why: string }
) & { readonly extras?: readonly Placed[] };

export interface PublisherContext {
  /** Aborted when the job is cancelled, the worker stops, or this try may no longer write. */
  readonly signal: AbortSignal;
  now(): Date;
  /** Rejects when `signal` is aborted. */
  sleep(ms: number): Promise<void>;
  /**
   * Call it right before each request: waits until the limits of the destination have room for it.
   * @throws AdapterError `throttled`, not sent, where that is far away
   */
  readonly turn?: (() => Promise<void>) | undefined;
}

export interface PublisherSetup<Options> {
  /** The effect's `with`, filled in, checked and with secrets resolved. */
  readonly options: Options;
  /** The effect's target, filled in. */
  readonly target: string;
  /** Absolute folder for what the adapter may keep on this host, such as clones; anything in it may be deleted at any time. */
  readonly cacheDir: string;
  /** Absolute folder of the batch file. */
  readonly baseDir: string;
  /** Of the effect. */
  readonly effectKey: string;
}

/** What is wrong with options that their schema takes. `message` goes on after the name of the option. */
export interface OptionFault {
  readonly path: readonly string[];
  readonly message: string;
  readonly hint?: string;
}

/** What an adapter module exports as `publisher` (or by default). */
export interface PublisherModule<Options = unknown> {
  readonly kind: 'publisher';
  readonly name: string;
  readonly version: string;
  readonly options: z.ZodType<Options>;
  /**
   * Options that say how it is sent and looked for, and change nothing of what is there then. When others are edited after
   * an effect has landed, `plan` and `run` say that nothing is sent again for it.
   */
  readonly handling?: readonly string[];
  /** Options that say who gets it or what it costs: an artifact, which an agent wrote, may not be named in them. */
  readonly neverArtifact?: readonly string[];
  /** No destination of it can be asked for an effect, whatever the options: its `facts.class` is always 4. */
  readonly neverAsked?: true;
  /**
   * What an effect comes to, for a person who is to say yes to it: short lines, the one that tells most first, such as
   * `12.50 EUR to cus_…`. All its options are shown below. Pure and total.
   * @param options filled in for a job and checked by nobody; secrets are references still
   */
  preview?(options: JsonObject): readonly string[];
  /**
   * What no schema can see, because it lies in what the options are for: asked before anything starts, and again before
   * each effect. Pure and total.
   * @param options filled in for the effect; secrets are references still
   */
  fault?(options: JsonObject, effectKey: string): OptionFault | undefined;
  /** Made anew for each effect; must be cheap. Connections are shared inside the module. */
  create(setup: PublisherSetup<Options>): Publisher | Promise<Publisher>;
}

export const definePublisher = <Options>(
  module: Omit<PublisherModule<Options>, 'kind'>,
): PublisherModule<Options> => ({
  kind: 'publisher',
  ...module,
});
