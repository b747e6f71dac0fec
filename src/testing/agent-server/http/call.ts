import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../clock.js';
import type { Draw, Who } from '../draw.js';
import type { FaultHit } from '../faults/rules.js';
import type { Store } from '../store.js';

export type Surface = 'gemini' | 'anthropic';

/** A request, read to its end. */
export interface Call {
  readonly method: string;
  /** Without the surface's own first segment; still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** `http://host:port/<surface>`, as the caller wrote it. */
  readonly baseUrl: string;
}

/** What a handler works with. */
export interface World {
  readonly seed: string;
  readonly store: Store;
  readonly clock: Clock;
}

/** One call of one run, with what chance has in store for it. */
export interface Ask {
  readonly call: Call;
  /** Decoded segments of the path, by name. */
  readonly params: Readonly<Record<string, string>>;
  readonly who: Who;
  /** Same call of the same run and attempt, from 1. */
  readonly nth: number;
  readonly now: number;
  readonly draw: Draw;
  /** A fault that the handler itself has to act out. */
  readonly fault: FaultHit | undefined;
  /** The same for another call that this one stands for as well. */
  readonly also: (call: string) => Pick<Ask, 'draw' | 'fault'>;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes go out as they are, anything else as JSON. */
  readonly body?: unknown;
  /** Not before this service time. `undefined` from `late` means: the connection breaks then. */
  readonly hold?: { readonly until: number; readonly late: () => Reply | undefined };
  /** Server-sent events; each text is one whole event. */
  readonly events?: (signal: AbortSignal) => AsyncIterable<string>;
}

export interface Route {
  readonly method: string;
  /** `{name}` takes one segment, `{name...}` all that follow. */
  readonly pattern: string;
  /** Name of the call in rules, logs and choices. */
  readonly name: string;
  /** Whose run it is; asked before anything else happens. */
  readonly who: (ask: Pick<Ask, 'call' | 'params'>, world: World) => Who;
  readonly handle: (ask: Ask, world: World) => Reply;
}

/** Thrown by handlers; the surface gives it its shape. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(readonly reply: Reply) {
    super(`refused with ${reply.status}`);
  }
}
