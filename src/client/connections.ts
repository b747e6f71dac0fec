import { userInfo } from 'node:os';
import type { Client } from '@temporalio/client';
import { folderArtifactStore } from '../artifacts/folder-store.js';
import type { ArtifactStore } from '../contract/artifact.js';
import { statePaths, type Config } from '../config.js';
import { openEngine, type Engine } from '../engine/index.js';
import { loadSigner } from '../evidence/key-files.js';
import { lazySigner } from '../evidence/signing.js';
import type { Ledger } from '../ledger/ledger.js';
import { openLedger, openLedgerToLook } from '../ledger/open.js';
import { lostLedger } from './lost-ledger.js';
import { Outages } from './outages.js';

export type Notify = (line: string) => void;

/** Goes around work that may host a worker, and gives it the signal that stops that worker in good order. */
export type WhileHosting = <T>(work: (signal: AbortSignal | undefined) => Promise<T>) => Promise<T>;

/**
 * Another call may still be retried by the SDK on a connection that broke, and a retry on a closed one throws where nobody
 * catches it. Ten tries take half a minute, or longer where each has to find out that nobody answers.
 * Source: @temporalio/client, grpc-retry.ts
 */
const LAST_RETRY_MS = 300_000;

/** What a process has opened: each thing when it is first needed, all of it given back by `close`. */
export class Connections {
  private openedLedger: Promise<Ledger> | undefined;
  private openedEngine: Promise<Engine> | undefined;
  private openedClient: Promise<Client> | undefined;

  constructor(
    readonly config: Config,
    readonly notify: Notify,
    /** `look`: the ledger is opened for reading, and not made where there is none. */
    private readonly purpose: 'use' | 'look' = 'use',
    /** Unless given, nobody interrupts it. */
    readonly whileHosting: WhileHosting = (work) => work(undefined),
  ) {}

  /** Noticed by what waits in this process. */
  readonly outages = new Outages((line) => this.notify(line));

  /** Signs what people decide, and exports. Its key is loaded, or made, when it first signs. */
  readonly signer = lazySigner(() =>
    loadSigner({ folder: statePaths(this.config.stateDir).keys, given: this.config.signingKey }),
  );

  get artifacts(): ArtifactStore {
    return folderArtifactStore({ root: statePaths(this.config.stateDir).artifacts });
  }

  ledger(): Promise<Ledger> {
    return (this.openedLedger ??= this.openLedger());
  }

  private openLedger(): Promise<Ledger> {
    const { ledger } = this.config;
    const lost = lostLedger(this.config);
    if (lost !== undefined) this.notify(lost);
    return this.purpose === 'look'
      ? openLedgerToLook(ledger)
      : openLedger({ ...ledger, signer: this.signer });
  }

  /** @throws EngineUnavailable */
  engine(): Promise<Engine> {
    const { stateDir, env, engine } = this.config;
    const embedded = engine === 'embedded';
    return (this.openedEngine ??= openEngine({ stateDir, env, embedded, onProgress: this.notify }).catch(
      (error: unknown) => {
        this.openedEngine = undefined;
        throw error;
      },
    ));
  }

  /** The SDK is loaded here and not before: half of all calls are answered by the ledger alone. */
  client(): Promise<Client> {
    return (this.openedClient ??= (async () => {
      const engine = await this.engine();
      const { Client, Connection } = await import('@temporalio/client');
      const connection = await Connection.connect(engine.connection);
      return new Client({ connection, namespace: engine.namespace });
    })().catch((error: unknown) => {
      this.openedClient = undefined;
      throw error;
    }));
  }

  /** Forgets a connection that broke; the next call finds the engine again, or starts it. */
  async reconnect(): Promise<void> {
    const { client, engine } = await this.forgotten();
    if (client) setTimeout(() => void client.connection.close(), LAST_RETRY_MS).unref();
    engine?.release();
  }

  private async forgotten(): Promise<{ client: Client | undefined; engine: Engine | undefined }> {
    const [client, engine] = [this.openedClient, this.openedEngine];
    this.openedClient = this.openedEngine = undefined;
    return { client: await unlessFailed(client), engine: await unlessFailed(engine) };
  }

  /** Who asks, for the ledger: a person at a host. */
  get who(): string {
    return `${userInfo().username}@${this.config.env['HOSTNAME'] ?? 'localhost'}`;
  }

  async close(): Promise<void> {
    const { client, engine } = await this.forgotten();
    await client?.connection.close();
    engine?.release();
    await (await unlessFailed(this.openedLedger))?.close();
    this.openedLedger = undefined;
  }
}

/** What a promise gave, or undefined when it failed: whoever awaited it first has seen its error. */
const unlessFailed = async <T>(promise: Promise<T> | undefined): Promise<T | undefined> => {
  try {
    return await promise;
  } catch {
    return undefined;
  }
};
