import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach } from 'vitest';
import { landEffect, type Landed } from '../../src/activities/land-effect.js';
import type { CrashPoint } from '../../src/activities/crash-points.js';
import type { BodyRequest, Publisher, PublisherContext } from '../../src/activities/publishers/publisher.js';
import { AdapterError } from '../../src/contract/errors.js';
import type { EffectRow } from '../../src/ledger/ledger.js';
import {
  fakeControl,
  startFakeDestinations,
  type FakeControl,
  type FakeDestinations,
  type FaultRule,
  type SettingsInput,
} from '../../src/testing/fake-destinations/index.js';
import { bodyRequest, keyOf, sha256 } from './folder-fixture.js';

const running: { close(): unknown }[] = [];
afterEach(async () => {
  for (const fake of running.splice(0).reverse()) await fake.close();
});

/** Fake services of the test's own, gone after it. */
export async function aFake(settings?: SettingsInput): Promise<FakeDestinations> {
  const fake = await startFakeDestinations({ seed: 'publishers', ...(settings && { settings }) });
  running.push(fake);
  return fake;
}

/** A state file of the test's own, gone after it. */
export function aStateFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-fake-'));
  running.push({ close: () => rmSync(folder, { recursive: true, force: true }) });
  return join(folder, 'state.db');
}

export interface FakeProcess extends FakeControl {
  /** As a power cut would: nothing is finished, nothing said. */
  kill(): Promise<void>;
  /** Asks it to end. @returns exit code and signal */
  stop(): Promise<unknown[]>;
}

/** The fake services as a process of their own, on a state that outlives it. */
export async function aFakeProcess(file: string): Promise<FakeProcess> {
  const main = new URL('../../dist/testing/fake-destinations/main.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [main, '--seed', '1', '--file', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push({ close: () => child.kill('SIGKILL') });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const end = (signal: 'SIGKILL' | 'SIGTERM'): Promise<unknown[]> => {
    const exit = once(child, 'exit');
    child.kill(signal);
    return exit;
  };
  return {
    ...fakeControl((JSON.parse(line) as { url: string }).url),
    kill: () => end('SIGKILL').then(() => undefined),
    stop: () => end('SIGTERM'),
  };
}

/** Only a request that is held up has little time; any other may be slow on a busy machine. */
export const patienceWith = ({ ms }: FaultRule): { timeout: string } => ({
  timeout: ms === undefined ? '30s' : '400ms',
});

export const KEY = keyOf('effect');
export class Died extends Error {}

export interface Try {
  readonly body?: Partial<BodyRequest>;
  readonly text?: string;
  readonly revision?: number;
  readonly onUnknown?: 'hold' | 'resend' | 'assume-sent';
  readonly dieAt?: CrashPoint;
}

/** One effect's row in a ledger made of memory, and its tries one after another, as the Activity makes them. */
export class Effect {
  /** How far this clock is ahead. */
  offsetMs = 0;
  row: EffectRow = {
    work: 'article',
    jobKey: keyOf('job'),
    effectKey: KEY,
    name: 'post',
    target: 'fake',
    use: 'fake',
    revision: 1,
    state: 'pending',
    fence: 1,
    firstSentAt: undefined,
    lastSentAt: undefined,
    attempts: 0,
    sentSha256: undefined,
    acknowledged: undefined,
    receipt: undefined,
    unpublishedRevision: undefined,
  };

  constructor(private readonly publisher: () => Publisher) {}

  get context(): PublisherContext {
    return {
      signal: new AbortController().signal,
      now: () => new Date(Date.now() + this.offsetMs),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 50))),
    };
  }

  /** @throws AdapterError as the publisher gave it, after the row has taken note of it */
  async try({ body, text = 'text', revision = 1, onUnknown = 'hold', dieAt }: Try = {}): Promise<Landed> {
    const requestSha256 = sha256(`${text}${revision}`);
    this.row = { ...this.row, revision };
    const publisher = this.publisher();
    try {
      return await landEffect({
        publisher,
        body: {
          ...bodyRequest(text, { effectKey: KEY, revision, ...body }),
          sentBefore: this.row.attempts > 0,
          receipt: this.row.receipt,
        },
        requestSha256,
        row: this.row,
        ledger: {
          acknowledgedEffect: async (_, place) => {
            this.row = { ...this.row, acknowledged: { ...place, at: this.context.now().toISOString() } };
          },
          landEffect: async (receipt) => {
            this.row = { ...this.row, state: 'landed', receipt };
            return { jobDone: true };
          },
          effectOf: async () => undefined,
        },
        attempting: async () => {
          const now = this.context.now().toISOString();
          const { firstSentAt = now, attempts } = this.row;
          this.row = {
            ...this.row,
            state: 'attempting',
            firstSentAt,
            lastSentAt: now,
            attempts: attempts + 1,
            sentSha256: requestSha256,
          };
        },
        maySend: async () => undefined,
        onUnknown,
        settles: {
          work: 'article',
          jobKey: this.row.jobKey,
          effectKeys: [KEY],
          revision,
          state: 'done',
        },
        context: this.context,
        reached: (point) => {
          if (point === dieAt) throw new Died(point);
        },
      });
    } catch (error) {
      this.noteError(error);
      throw error;
    }
  }

  private noteError(error: unknown): void {
    if (!(error instanceof AdapterError) || this.row.state === 'landed') return;
    const { sent } = error.facts;
    const unclear = this.row.state !== 'pending' && sent !== 'no' && sent !== 'rejected';
    this.row = { ...this.row, state: unclear ? 'unknown' : 'failed' };
  }

  /** Tries again after errors that Temporal would try again after. */
  async untilEnd(one: Try = {}, triesMax = 12): Promise<Landed> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.try(one);
      } catch (error) {
        const again =
          error instanceof AdapterError && ['transient', 'throttled', 'unknown'].includes(error.errorClass);
        if (!again || tries === triesMax) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
}

/** What went wrong, as an AdapterError. */
export async function errorOf(act: Promise<unknown>): Promise<AdapterError> {
  const end = await act.then(
    (value) => value,
    (error: unknown) => error,
  );
  if (end instanceof AdapterError) return end;
  throw new Error(`expected an AdapterError, got ${JSON.stringify(end)}`, { cause: end });
}
