import { AdapterError } from '../contract/errors.js';
import { grpcCode, isConnectionError, messageOf } from '../contract/thrown.js';
import type { Notify } from './connections.js';

/** What may be away for a while: a restart, a fail-over, a network that drops. */
type Service = 'engine' | 'ledger';

const BACK: Readonly<Record<Service, string>> = {
  engine: 'the engine is back',
  ledger: 'the ledger is back',
};

/**
 * Who asks the engine, or the ledger, again and again lives through their outages. However many loops of a process do,
 * a person is told once that one is away, and once that it is back.
 */
export class Outages {
  private readonly missedBy = { engine: new Set<Asker>(), ledger: new Set<Asker>() };

  constructor(private readonly notify: Notify) {}

  /** For one loop. */
  asker(): Asker {
    const { missedBy } = this;
    const services = Object.keys(missedBy) as Service[];
    const forget = (told: (service: Service) => void): void => {
      for (const service of services)
        if (missedBy[service].delete(asker) && missedBy[service].size === 0) told(service);
    };
    const asker: Asker = {
      missed: (error) => {
        const service = awayBy(error);
        if (service === undefined) throw error;
        if (missedBy[service].size === 0) this.notify(`${awayText(service, error)}; looking for it again`);
        missedBy[service].add(asker);
      },
      answered: () => forget((service) => this.notify(BACK[service])),
      left: () => forget(() => undefined),
    };
    return asker;
  }
}

export interface Asker {
  /** Nothing to do but to ask again later. @throws the error itself where that would not help */
  missed(error: unknown): void;
  answered(): void;
  /** It asks no more, and has nothing to tell. */
  left(): void;
}

/** What is away, as an error tells that passes when it is back. */
function awayBy(error: unknown): Service | undefined {
  if (error instanceof AdapterError) return error.errorClass === 'transient' ? 'ledger' : undefined;
  if (!(error instanceof Error)) return undefined;
  // By name: it is the engine's own, and that is loaded when it is first needed.
  if (error.name === 'EngineUnavailable' || isConnectionError(error)) return 'engine';
  return isServerTrouble(error) ? 'engine' : undefined;
}

/**
 * What a server says of itself, and not of the request: CANCELLED (it shuts down), UNKNOWN, RESOURCE_EXHAUSTED, ABORTED,
 * INTERNAL, DATA_LOSS. Most of them the SDK has repeated ten times before it throws them.
 */
const TROUBLE: ReadonlySet<number | undefined> = new Set([1, 2, 8, 10, 13, 15]);

const isServerTrouble = (error: Error): boolean =>
  TROUBLE.has(grpcCode(error)) || (error.cause instanceof Error && isServerTrouble(error.cause));

function awayText(service: Service, error: unknown): string {
  if (service === 'ledger') return messageOf(error); // "the ledger's database does not answer [database=…]: …"
  return `lost the engine (${firstLine(rootOf(error))})`;
}

/** What the connection said; the errors around it name the call. */
const rootOf = (error: unknown): unknown =>
  error instanceof Error && error.name !== 'EngineUnavailable' && error.cause instanceof Error
    ? rootOf(error.cause)
    : error;

const firstLine = (error: unknown): string => (messageOf(error).split('\n')[0] ?? '').replace(/\.$/, '');
