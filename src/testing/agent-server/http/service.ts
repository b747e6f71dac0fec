import type { FaultHit } from '../faults/rules.js';
import type { Ask, Call, Reply, Route, Surface } from './call.js';

/** One vendor's API. */
export interface Service {
  readonly surface: Surface;
  readonly routes: readonly Route[];
  /** Checks what every request must carry. @throws Refusal */
  readonly guard: (ask: Pick<Ask, 'call' | 'params'>) => void;
  readonly fault: (hit: FaultHit, callersMs: number, nowReal: Date) => Reply;
  readonly unknownRoute: (call: Pick<Call, 'method' | 'path'>) => Reply;
  readonly tooLarge: () => Reply;
  readonly broken: (message: string) => Reply;
  /** Headers of every reply. */
  readonly headersFor: (requestId: string) => Readonly<Record<string, string>>;
  /** What a caller should not have done, though it may be answered: for tests to assert that it never happens. */
  readonly complaintsAbout: (call: Call, params: Readonly<Record<string, string>>) => string[];
}
