import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fakeControl, type FakeControl } from './client.js';
import { fakeServer } from './server.js';
import { settingsSchema, type SettingsInput } from './settings.js';
import { Store } from './store.js';

export { fakeControl, type FakeControl } from './client.js';
export { FAULTS, type FaultRule } from './faults.js';
export type { SettingsInput } from './settings.js';
export type { LoggedRequest } from './request-log.js';

export interface FakeDestinationsOptions {
  /** Decides every chance; the same seed and the same calls give the same faults. */
  readonly seed: string | number;
  /** SQLite file that survives a kill; without it, memory. */
  readonly file?: string;
  /** A free one where absent. */
  readonly port?: number;
  readonly settings?: SettingsInput;
}

export interface FakeDestinations extends FakeControl {
  close(): Promise<void>;
}

/**
 * Starts fake services that remember like the real ones: Stripe (`/v1/…`), Resend (`/emails`, `/domains`) and a plain
 * HTTP service (`/http/<collection>`). They listen on 127.0.0.1.
 * @throws Error `EADDRINUSE`; ZodError for settings that are none
 */
export async function startFakeDestinations(options: FakeDestinationsOptions): Promise<FakeDestinations> {
  const { seed, file = ':memory:', port = 0, settings } = options;
  const store = new Store(file, String(seed));
  try {
    if (settings) store.setMeta('settings', JSON.stringify(settingsSchema.parse(settings)));
    const closing = new AbortController();
    const server = fakeServer(store, closing.signal);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const { port: bound } = server.address() as AddressInfo;
    return {
      ...fakeControl(`http://127.0.0.1:${bound}`),
      async close() {
        closing.abort();
        server.closeAllConnections();
        await new Promise<void>((resolve) => server.close(() => resolve()));
        store.close();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}
