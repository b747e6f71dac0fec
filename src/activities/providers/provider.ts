import type { z } from 'zod';
import type { AdapterError, ErrorClass } from '../../contract/errors.js';
import type { Json, JsonObject } from '../../contract/json.js';
import type { Usage } from '../../ledger/ledger.js';

/**
 * The Provider port: one agent service. Adapters send each request once, never publish, and know nothing of
 * Temporal: retries, budgets and what follows from a failure belong to `runAgent` and `policy/`.
 */
export interface Provider {
  readonly facts: ProviderFacts;
  /** Looks for the session of this request. Spends nothing. `unknown` is not `none`. */
  find(
    request: SessionRequest,
    known: SessionHandle | undefined,
    context: ProviderContext,
  ): Promise<FoundSession>;
  /**
   * Starts the session, or attaches when the provider says that it is already there. Saves the handle through
   * `context.save` as soon as the service has given an id.
   * @throws AdapterError; one whose `facts.sent` is `maybe` means that a session may be running unseen
   */
  start(
    request: SessionRequest,
    known: SessionHandle | undefined,
    context: ProviderContext,
  ): Promise<SessionHandle>;
  /** One look at the session; never sleeps. Words of the service that we don't know count as running. */
  poll(handle: SessionHandle, context: ProviderContext): Promise<SessionProgress>;
  /** Idempotent: a session already gone or ended counts as cancelled. */
  cancel(handle: SessionHandle, context: ProviderContext): Promise<void>;
  /** The result of a session that succeeded; may be called again until `release`. */
  collect(handle: SessionHandle, context: ProviderContext): Promise<Output>;
  /**
   * What a session that came to nothing has left, whole or not: it is kept for people, before `release`, and goes
   * nowhere. Absent, or undefined, where there is nothing of the kind.
   */
  leftOver?(handle: SessionHandle, context: ProviderContext): Promise<Output | undefined>;
  /** Legal in any phase, also after failure or cancel, so that waste is booked. */
  usage(handle: SessionHandle, context: ProviderContext): Promise<Usage>;
  /** Frees what the session holds. Called when its output is stored or it has failed for good; failing is not fatal. */
  release?(handle: SessionHandle, context: ProviderContext): Promise<void>;
  /**
   * Sessions that carry a run key and still hold something at the service, begun since then, whoever began them. Reads
   * only; absent where the service can't list them.
   */
  sweep?(since: Date, context: ProviderContext): AsyncIterable<SessionHandle>;
  /**
   * One request that only reads and costs nothing: whether the service can be reached, and takes these credentials.
   * Absent where there is none to ask.
   */
  probe?(context: ProviderContext): Promise<void>;
  /**
   * Options that say exactly what the batch file leaves to the service, such as the latest version of an agent. Asked when
   * a run opens, and put in place for all its sessions: an edit at the service reaches the next run, not the second half
   * of this one. Only reads, and costs nothing. Absent where nothing is left to the service.
   */
  pin?(context: ProviderContext): Promise<JsonObject>;
  /** Pure and total: every error that a verb may throw gets a class. */
  classify(error: unknown, during: ProviderVerb): AdapterError;
}

export type ProviderVerb =
  'find' | 'start' | 'poll' | 'cancel' | 'collect' | 'usage' | 'release' | 'sweep' | 'probe' | 'pin';

export interface ProviderFacts {
  readonly name: string;
  /** How sure `find` is: by our key; by reading a list; by signs only; on the same host only. */
  readonly find: 'exact' | 'scan' | 'signs-only' | 'same-host';
  /** Whether a start that got no answer may be sent again without risk of a second session. */
  readonly startIsIdempotent: boolean;
  /** Whether sessions go on while no worker watches them. */
  readonly survivesWorkerLoss: boolean;
  readonly cost: 'provider' | 'price-table' | 'reported' | 'none';
  /** At which the service itself stops a session, in micro-units of the currency. */
  readonly capMicros?: number;
  /** What to book for a session whose cost can't be learnt, in the same units; `capMicros` where absent. */
  readonly reserveMicros?: number;
  /** What should be known beforehand of how sessions are priced, each as one sentence for people. */
  readonly priceNotes?: readonly string[];
}

/** Everything about one paid attempt of one job. */
export interface SessionRequest {
  /** Key of (work, job, revision); with `attempt` the look-up key at the provider. */
  readonly runKey: string;
  /** Paid attempt, from 1. */
  readonly attempt: number;
  readonly work: string;
  readonly jobKey: string;
  readonly identity: Readonly<Record<string, string>>;
  /** Name of the batch that pays for it. */
  readonly batch?: string;
  readonly input: JsonObject;
  readonly revision: number;
  /** Filled in; absent when the batch file has none. */
  readonly prompt: string | undefined;
  /** W3C Trace Context of the job's span, where spans are sent: an agent that makes spans hangs its own below it. */
  readonly traceparent?: string;
  /** ISO 8601; when the intent of this attempt was written: nothing of it at the service is older. */
  readonly openedAt?: string;
  /** ISO 8601; a session that starts now, or runs already, is cancelled then. */
  readonly deadlineAt: string;
  /**
   * The agent acts outside its sandbox: a start that may have happened is held for a person, not replaced. That a
   * session which ran is not followed by another one sees whoever calls.
   */
  readonly outward?: boolean;
  /** What it hands over goes nowhere: an agent that can also act by itself should not. */
  readonly rehearsal?: boolean;
  /** Absolute folder of the batch file. */
  readonly baseDir: string;
}

/** Plain JSON under 2 KB: stored in the ledger and carried by heartbeats. */
export interface SessionHandle {
  readonly v: 1;
  readonly provider: string;
  readonly runKey: string;
  readonly attempt: number;
  /**
   * How far the start has come; absent is `started`. `prepared`: nothing that costs money was sent, and `start`
   * with this handle goes on. `start-sent`: the request that costs money may have arrived; `poll` finds out.
   */
  readonly phase?: 'prepared' | 'start-sent' | 'started';
  /**
   * ISO 8601; since when the session may be running, which its timeout counts from. Set by whoever saves the handle
   * where the adapter does not know better.
   */
  readonly sentAt?: string;
  /**
   * Hash of the stored definition that the session was begun under, or gone on with: it tells the options, and so the
   * account. Set by whoever saves the handle. Absent where an older release did.
   */
  readonly definition?: string;
  /** Ids at the service: session, environment, run directory, process… */
  readonly ids: Readonly<Record<string, Json>>;
}

export interface ProviderContext {
  /** Durable when it resolves. @throws StaleFence when another try took over: stop at once. */
  save(handle: SessionHandle): Promise<void>;
  /** Aborted when the job is cancelled or the worker stops; pass it to every request. */
  readonly signal: AbortSignal;
  now(): Date;
  /** Waits a service's settle time; a timer of the process where absent. Ends early when `signal` is aborted. */
  sleep?(ms: number): Promise<void>;
}

export type FoundSession =
  | { readonly kind: 'session'; readonly handle: SessionHandle }
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly why: string };

export type SessionProgress =
  | {
      readonly kind: 'running';
      readonly nextPollMs: number;
      readonly note?: string;
      /** Changes whenever the service shows that the session gets on; absent where it shows nothing of the kind. */
      readonly sign?: string;
      /**
       * How long it has stood still in all because the host that it runs on slept: that is not its time. Absent where it did
       * not.
       */
      readonly sleptMs?: number;
    }
  | { readonly kind: 'succeeded' }
  | {
      readonly kind: 'failed';
      readonly errorClass: ErrorClass;
      readonly message: string;
      readonly retryAfterMs?: number;
      /** See `ErrorFacts`. */
      readonly needsPerson?: true;
    }
  | {
      readonly kind: 'lost';
      readonly message: string;
      /** The service, asked, has no run of it, and takes none any more: nothing was paid for. */
      readonly neverRan?: boolean;
    };

/** What a session produced. Empty output is no success: adapters report it as `failed`, class `rejected`. */
export interface Output {
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
  readonly mime?: string;
}

/** What an adapter gets when it is made. Secrets in `options` are still references: they are resolved when used. */
export interface ProviderSetup<Options> {
  readonly options: Options;
  /** Absolute folder where the adapter may keep what its sessions need on this host. */
  readonly stateDir: string;
  /** Resolves `${env:NAME}` in a text at the moment of use. @throws AdapterError `config` naming the variable */
  readonly secret: (text: string) => string;
  /**
   * Call it right before each request: waits until the limits of the service have room for it.
   * @param kind `paid` for the one that begins what costs money: it does not leave either where another worker has
   *   been told a moment ago that nothing is taken
   * @throws AdapterError `throttled`, not sent, where that is far away
   */
  readonly turn?: ((kind?: 'paid') => Promise<void>) | undefined;
  /**
   * Call it with what a request was refused by, before anything follows that waits for a turn: whoever else uses the service
   * hears at once that it has had enough. What a verb throws in the end is told in any case, and the same no second time.
   */
  readonly refused?: ((error: AdapterError) => Promise<void>) | undefined;
}

/** What goes with each request of a provider. */
export type Passing = Pick<ProviderSetup<unknown>, 'turn' | 'refused'>;

/** What an adapter module exports as `provider` (or by default). */
export interface ProviderModule<Options = unknown> {
  readonly kind: 'provider';
  readonly name: string;
  readonly version: string;
  /** Checks the whole `agent` block without `use`, `prompt`, `timeout` and `outward`. */
  readonly options: z.ZodType<Options>;
  /** ISO 4217; in which it books what sessions cost. Absent where that is seen only when one has ended. */
  readonly currency?: string;
  create(setup: ProviderSetup<Options>): Provider | Promise<Provider>;
  /**
   * What can be seen on this host before anything starts, and would fail every job. Spends nothing. Called where jobs
   * are run: by the worker that opens a batch, and before that by whoever starts one that runs here.
   * @throws AdapterError `config` or `auth`
   */
  preflight?(
    setup: Pick<ProviderSetup<Options>, 'options' | 'secret'> & { readonly baseDir: string },
  ): Promise<void>;
}

export const defineProvider = <Options>(
  module: Omit<ProviderModule<Options>, 'kind'>,
): ProviderModule<Options> => ({
  kind: 'provider',
  ...module,
});
