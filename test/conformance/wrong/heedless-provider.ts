// Providers that are wrong on purpose about answers that get lost, at a service in memory that loses them on demand.
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { AdapterError, defineProvider, type SessionHandle, type SessionRequest } from 'nightshift/adapter';
import type { AgentPlace, Faults, ProviderSubject } from '../../../src/testing/index.js';

type Name = Pick<SessionRequest, 'runKey' | 'attempt'>;
const nameOf = ({ runKey, attempt }: Name) => `${runKey} ${attempt}`;

class Service {
  private readonly started: string[] = [];
  private seen = 0;
  private lost = Infinity;

  /** One request, of which the answer may be lost. */
  async request<T>(act: () => T): Promise<T> {
    this.seen++;
    const answer = act();
    if (--this.lost === 0) throw new Error('socket hang up');
    return answer;
  }

  start = (name: Name): void => void this.started.push(nameOf(name));
  /** In the order of the starts, from 0. */
  placeOf = (name: Name): number => this.started.indexOf(nameOf(name));
  countOf = (name: Name): number => this.started.filter((one) => one === nameOf(name)).length;

  readonly faults: Faults = {
    kinds: ['drop-answer'],
    arm: (_kind, nth) => void (this.lost = nth),
    disarm: () => void (this.lost = Infinity),
    requests: () => {
      const { seen } = this;
      this.seen = 0;
      return seen;
    },
    idle: async () => undefined,
  };
}

/** The kit loads this module by its path, which makes another instance of it than the test has: both share the service. */
const SHARED = Symbol.for('nightshift.test.heedless');
const shared = ((globalThis as Record<symbol, unknown>)[SHARED] ??= { service: new Service() }) as {
  service: Service;
};

const optionsSchema = z.strictObject({
  /** `sends-again`: a start whose answer is lost is sent once more · `asks-now-and-then`: for the usage of each third session. */
  how: z.enum(['sends-again', 'asks-now-and-then']),
});

export const provider = defineProvider({
  name: 'heedless',
  version: '1',
  options: optionsSchema,
  create: ({ options: { how } }) => {
    const { service } = shared;
    const handleOf = ({ runKey, attempt }: Name): SessionHandle => ({
      ...{ v: 1, provider: 'heedless', runKey, attempt },
      ids: { session: nameOf({ runKey, attempt }) },
    });
    return {
      facts: {
        name: 'heedless',
        find: 'exact',
        startIsIdempotent: false,
        survivesWorkerLoss: true,
        cost: 'none',
      },
      find: (request) =>
        service.request(() =>
          service.countOf(request) > 0 ? { kind: 'session', handle: handleOf(request) } : { kind: 'none' },
        ),
      start: async (request, _known, context) => {
        const send = () => service.request(() => service.start(request));
        await (how === 'sends-again' ? send().catch(send) : send());
        const handle = handleOf(request);
        await context.save(handle);
        return handle;
      },
      poll: () => service.request(() => ({ kind: 'succeeded' })),
      cancel: async () => undefined,
      collect: () => service.request(() => ({ content: Buffer.from('an article') })),
      usage: async (handle) => {
        if (how === 'sends-again' || service.placeOf(handle) % 3 === 1)
          await service.request(() => undefined);
        return { inputTokens: 1, outputTokens: 1, cachedTokens: 0, costMicros: 0, costSource: 'none' };
      },
      classify: (error) =>
        error instanceof AdapterError ? error : new AdapterError('transient', 'no answer', { sent: 'maybe' }),
    };
  },
});

/** @param how in which way it is wrong */
export const heedlessSubject = (how: z.infer<typeof optionsSchema>['how']): ProviderSubject => ({
  kind: 'provider',
  name: how,
  open: async (): Promise<AgentPlace> => {
    shared.service = new Service();
    return {
      use: fileURLToPath(import.meta.url),
      options: () => ({ how }),
      behaviours: ['good'],
      count: async (run) => ({ started: shared.service.countOf(run), open: 0 }),
      faults: shared.service.faults,
      close: async () => undefined,
    };
  },
});
