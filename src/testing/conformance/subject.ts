import type { JsonObject } from '../../contract/json.js';

/**
 * What the kit needs to put a publisher to the test: a destination that it may fill, and a way to count there without
 * the publisher's own code. A module that exports one as `conformance` can be given to `nightshift conformance`.
 */
export interface ConformanceSubject {
  /** Shown in the table. */
  readonly name: string;
  /** A destination with nothing of ours in it. */
  open(): Promise<Place>;
}

export interface Place {
  /** As in a batch file: an adapter's name, or an absolute path of its module. */
  readonly use: string;
  readonly target: string;
  /** `with` for the object of that name, filled in but for `{{ artifact }}`. Secrets stay references. */
  options(slug: string, effectKey: string): JsonObject;
  /** What `${env:NAME}` stands for; planted values are looked for in every message. */
  readonly env?: Readonly<Record<string, string>>;
  /** Other values of them, which may create an object and not look for one. */
  readonly blind?: Readonly<Record<string, string>>;
  /** Asks the destination itself. */
  count(object: ObjectName): Promise<Counted>;
  /** The object's content as its readers get it; undefined where it is not there, or can't be compared. */
  read?(object: ObjectName): Promise<string | undefined>;
  /** Somebody else puts an object under the name that `slug` asks for. Resolves to a look whether it is as it was. */
  foreign?(slug: string): Promise<() => Promise<boolean>>;
  /** A person changes, or takes away, our object. */
  edit?(object: ObjectName): Promise<void>;
  remove?(object: ObjectName): Promise<void>;
  /** All that the destination holds, as text: equal before and after where nothing was changed. */
  dump?(): Promise<string>;
  /** Methods of all requests so far, as the destination saw them: those of HTTP; else `GET` for each that only reads. */
  methods?(): readonly string[];
  /** Stands between publisher and destination. */
  readonly faults?: Faults;
  /** Moves the destination's clock on, where keys are forgotten with time. */
  advance?(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface ObjectName {
  readonly slug: string;
  readonly effectKey: string;
}

/** Objects of one effect. `hidden`: drafts and the like that nobody asked for. */
export interface Counted {
  readonly visible: number;
  readonly hidden: number;
}

/**
 * `drop-before`: the destination never sees the request · `drop-answer`: it acts, the answer is lost · `half-answer`:
 * it acts, half of the answer comes · `late-request`: the client hears nothing, and the destination acts a little
 * later, within the settle time that the publisher declares.
 */
export type FaultKind = 'drop-before' | 'drop-answer' | 'half-answer' | 'late-request';

export interface Faults {
  readonly kinds: readonly FaultKind[];
  /** The `nth` request from now on, counted from 1, has this fault. */
  arm(kind: FaultKind, nth: number): void;
  disarm(): void;
  /** Requests seen since the last call. */
  requests(): number;
  /** Nothing is on its way any more. */
  idle(): Promise<void>;
}
