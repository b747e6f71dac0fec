/** One effect of one job on its way to a WordPress, real or not, by the algorithm of all effects. */
import type { CrashPoint } from '../../src/activities/crash-points.js';
import { landEffect, type Landed } from '../../src/activities/land-effect.js';
import type {
  BodyRequest,
  FoundEffect,
  Publisher,
  PublisherContext,
} from '../../src/activities/publishers/publisher.js';
import { wordpress, wordpressPublisher } from '../../src/activities/publishers/wordpress/publisher.js';
import { AdapterError } from '../../src/contract/errors.js';
import type { Receipt } from '../../src/contract/receipt.js';
import type { EffectRow } from '../../src/ledger/ledger.js';
import { bodyRequest, keyOf, sha256 } from './folder-fixture.js';

export class Died extends Error {}

export const context: PublisherContext = {
  signal: new AbortController().signal,
  now: () => new Date(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Options as a batch file gives them, through the schema. */
export function publisherWith(options: Readonly<Record<string, unknown>>): Publisher {
  const parsed = wordpress.options.parse({
    username: 'robot',
    password: 'pass word',
    title: 'Fix a puncture',
    slug: 'fix-a-puncture',
    settle: '1ms',
    race: '20ms',
    timeout: '30s',
    ...options,
  });
  return wordpressPublisher({ options: parsed });
}

export interface Try {
  readonly text?: string;
  readonly revision?: number;
  readonly dieAt?: CrashPoint;
  readonly turn?: () => Promise<void>;
}

/** What a ledger remembers of one effect between tries; the publisher is made anew for each, as in a new process. */
export class Effect {
  receipt: Receipt | undefined;
  /** What `unpublish` took back, as the ledger knows it. */
  takenBack: number | undefined;
  private state: EffectRow['state'] = 'pending';
  private attempts = 0;
  private sentAt: string | undefined;

  constructor(
    readonly make: () => Publisher,
    readonly key: string = keyOf('effect'),
  ) {}

  /** A ledger that was lost. */
  forgotten(): Effect {
    return new Effect(this.make, this.key);
  }

  request({ text = '# Words\n\nMore *words*.\n', revision = 1 }: Try = {}): BodyRequest {
    return {
      ...bodyRequest(text, { effectKey: this.key, revision }),
      sentBefore: this.attempts > 0,
      receipt: this.receipt,
      takenBack: this.receipt !== undefined && this.takenBack === this.receipt.revision,
    };
  }

  async land(o: Try = {}): Promise<Landed> {
    const body = this.request(o);
    const row: EffectRow = {
      ...{ work: body.work, jobKey: body.jobKey, effectKey: this.key, name: body.name, target: body.target },
      use: 'wordpress',
      revision: body.revision,
      state: this.state,
      fence: this.attempts + 1,
      firstSentAt: this.sentAt,
      lastSentAt: this.sentAt,
      attempts: this.attempts,
      sentSha256: this.sentAt === undefined ? undefined : body.sha256,
      acknowledged: undefined,
      receipt: this.receipt,
      unpublishedRevision: this.takenBack,
    };
    try {
      return await landEffect({
        publisher: this.make(),
        body,
        requestSha256: sha256(body.body),
        row,
        ledger: {
          acknowledgedEffect: async () => undefined,
          effectOf: async () => undefined,
          landEffect: async (receipt) => {
            this.receipt = receipt;
            this.state = 'landed';
            return { jobDone: true };
          },
        },
        attempting: async () => {
          this.state = 'attempting';
          this.attempts++;
          this.sentAt = new Date().toISOString();
        },
        maySend: async () => undefined,
        onUnknown: 'hold',
        settles: {
          ...{ work: body.work, jobKey: body.jobKey, effectKeys: [this.key], revision: body.revision },
          state: 'done',
        },
        context: { ...context, turn: o.turn },
        reached: (point) => {
          if (point === o.dieAt) throw new Died(point);
        },
      });
    } catch (error) {
      if (error instanceof AdapterError && this.state === 'attempting') this.state = 'unknown';
      throw error;
    }
  }

  /** Takes back what has landed, and notes it. @returns what a look-up says right after, as the Activity asks for it */
  async unpublish(): Promise<FoundEffect | undefined> {
    const { receipt } = this;
    if (!receipt) throw new Error('nothing has landed');
    const publisher = this.make();
    const request = { ...this.request({ revision: receipt.revision }), takenBack: false };
    await publisher.unpublish?.(request, receipt, context);
    const found = await publisher.lookup?.(request, context);
    this.takenBack = receipt.revision;
    this.state = 'pending';
    return found;
  }

  /** Tries until it ends, as the Activity's retries do. */
  async landSomehow(o: Try = {}, tries = 5): Promise<Landed> {
    for (let left = tries; ; left--) {
      try {
        return await this.land(o);
      } catch (error) {
        if (left === 1 || !(error instanceof AdapterError)) throw error;
      }
    }
  }
}

export function receiptIn(landed: Landed): Receipt {
  if (landed.kind === 'held') throw new Error(`held: ${landed.message}`);
  return landed.receipt;
}
