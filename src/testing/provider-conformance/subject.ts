import type { JsonObject } from '../../contract/json.js';
import type { Faults } from '../conformance/subject.js';

/**
 * What the kit needs to put a provider to the test: a service at which it may start sessions, and a way to count them
 * there without the provider's own code. A module that exports one as `conformance` can be given to
 * `nightshift conformance`.
 */
export interface ProviderSubject {
  readonly kind: 'provider';
  /** Shown in the table. */
  readonly name: string;
  /** A service, or an account, with nothing of ours in it. */
  open(): Promise<AgentPlace>;
}

/** `good`: ends soon, with a result · `long`: does not end by itself · `empty`: ends well, with nothing to show. */
export type Behaviour = 'good' | 'long' | 'empty';

export interface AgentPlace {
  /** As in a batch file: an adapter's name, or an absolute path of its module. */
  readonly use: string;
  /** The options of the agent, for sessions that behave so. Secrets stay references. */
  options(behaviour: Behaviour): JsonObject;
  /** Told before a session of this run is started that is to behave so. */
  arrange?(behaviour: Behaviour, run: RunName): Promise<void> | void;
  /** What the place can make a session do beside `good`. */
  readonly behaviours: readonly Behaviour[];
  /** What `${env:NAME}` stands for; planted values are looked for in every handle and message. */
  readonly env?: Readonly<Record<string, string>>;
  /** How much faster than ours the time of the service goes; the provider lives by its clock. */
  readonly speed?: number;
  /** Asks the service itself. */
  count(run: RunName): Promise<SessionsCounted>;
  /** Stands between provider and service. */
  readonly faults?: Faults;
  close(): Promise<void>;
}

/** One paid attempt of one job, the look-up key at a service. */
export interface RunName {
  readonly runKey: string;
  readonly attempt: number;
}

export interface SessionsCounted {
  /** Sessions that were paid for, or did something. */
  readonly started: number;
  /** Of all sessions, those that still run or hold something. */
  readonly open: number;
}
