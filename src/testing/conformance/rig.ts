import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { asked, guarded } from '../../activities/ask-publisher.js';
import type { CrashPoint } from '../../activities/crash-points.js';
import { effectRequest } from '../../activities/land-effect.js';
import { lookerFor } from '../../activities/publishers/looker.js';
import { publisherFor, type PublisherDeps } from '../../activities/publishers/publisher-for.js';
import type { FoundEffect, PublisherContext, PublisherFacts } from '../../activities/publishers/publisher.js';
import { rehearsing, type Rehearsed } from '../../activities/rehearsal/no-writes.js';
import type { EffectTried } from '../../activities/try-effect.js';
import type { Environment } from '../../batch/secrets.js';
import { messageOf } from '../../contract/thrown.js';
import { knownJob } from '../../ledger/known-job.js';
import { StaleFence, type Ledger } from '../../ledger/ledger.js';
import { openLedger } from '../../ledger/open.js';
import type { ChildOrder } from './child.js';
import { effectUnderTest, WORK, type EffectUnderTest } from './effect-under-test.js';
import type { Counted, Faults, Place } from './subject.js';
import { effectOf, tryOnce, type TryOptions } from './try-once.js';

/** Tries before an effect that is neither there nor held counts as lost. */
const TRIES_MAX = 12;

/** What came of an effect, by the ledger and by the destination. */
export interface Ending {
  readonly tried: EffectTried | { readonly kind: 'stale' };
  readonly counted: Counted;
  readonly tries: number;
}

/** Beside this file when built, in `dist` when run from the sources. */
function childPath(): string {
  const places = ['./child.js', '../../../dist/testing/conformance/child.js'].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`the child program is missing [looked for ${places.join(', ')}]`);
  return found;
}

/** A place, ledgers, and a clock; all cells of one subject run in it, each with a name of its own. */
export class Rig {
  private ledgers = 0;
  private empty: Promise<string> | undefined;
  private offsetMs = 0;
  private readonly opened: Ledger[] = [];
  /** Everything that the publisher said when it failed: no secret may be in it. */
  readonly messages: string[] = [];

  private constructor(
    readonly place: Place,
    readonly facts: PublisherFacts,
    private readonly dir: string,
  ) {}

  static async open(place: Place): Promise<Rig> {
    const dir = await mkdtemp(join(tmpdir(), 'nightshift-conformance-'));
    const probe = effectOf(effectUnderTest(place, 'facts'));
    const deps = { env: place.env ?? {}, stateDir: dir };
    const { facts } = await publisherFor(probe, process.cwd(), deps);
    return new Rig(place, facts, dir);
  }

  effect(slug: string, given: { text?: string; revision?: number } = {}): EffectUnderTest {
    return effectUnderTest(this.place, slug, given);
  }

  readonly now = (): Date => new Date(Date.now() + this.offsetMs);

  /** Moves our clock, and the destination's where it has one. */
  async advance(ms: number): Promise<void> {
    this.offsetMs += ms;
    await this.place.advance?.(ms);
  }

  /** A ledger that has never heard of anything. */
  async ledger(): Promise<{ readonly ledger: Ledger; readonly path: string }> {
    this.empty ??= this.makeEmpty();
    const path = join(this.dir, `ledger-${++this.ledgers}.db`);
    await copyFile(await this.empty, path);
    const ledger = await openLedger({ path, now: this.now });
    this.opened.push(ledger);
    return { ledger, path };
  }

  /** Hundreds are needed, and to copy one takes a tenth of the time of making one. */
  private async makeEmpty(): Promise<string> {
    const path = join(this.dir, 'empty.db');
    await (await openLedger({ path })).close();
    return path;
  }

  /**
   * Tries until it has landed, is held or parked, as the engine would, without its waits.
   * @param env what `${env:NAME}` stands for, where that is to be something else than the place says
   */
  async run(tested: EffectUnderTest, ledger: Ledger, env?: Environment): Promise<Ending> {
    for (let tries = 1; ; tries++) {
      const tried = await this.once(tested, ledger, { tries, ...(env && { env }) });
      if (tried.kind === 'again' && tries < TRIES_MAX) continue;
      return { tried, counted: await this.place.count(tested), tries };
    }
  }

  /**
   * One try that stops for ever when it comes to a point: nothing after it happens, as if its process had died. Only
   * what the process had in memory is still there. @returns whether it came there
   */
  async runUntil(tested: EffectUnderTest, ledger: Ledger, point: CrashPoint): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const stop = (reached: CrashPoint): void | Promise<void> => {
        if (reached !== point) return;
        resolve(true);
        return new Promise(() => undefined);
      };
      this.once(tested, ledger, { reached: stop }).then(() => resolve(false), reject);
    });
  }

  /** The same in a process of its own, by SIGKILL. */
  async killAt(tested: EffectUnderTest, ledgerPath: string, point: CrashPoint): Promise<boolean> {
    const order: ChildOrder = {
      tested,
      ledger: ledgerPath,
      stateDir: this.dir,
      env: this.place.env ?? {},
      dieAt: point,
    };
    const child = spawn(process.execPath, [childPath()], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stdin.end(JSON.stringify(order));
    const signal = await new Promise<NodeJS.Signals | number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, by) => resolve(by ?? code));
    });
    if (signal !== 'SIGKILL' && signal !== 0)
      throw new Error(`the child process failed [exit=${signal}]: ${said}`);
    return signal === 'SIGKILL';
  }

  /** One try whose first request that changes something gets no answer. @returns whether its end is unknown now */
  async loseAnswer(tested: EffectUnderTest, ledger: Ledger, faults: Faults): Promise<boolean> {
    const reached = (point: CrashPoint): void => {
      if (point === 'E3') faults.arm('drop-answer', 1);
    };
    await this.once(tested, ledger, { reached });
    faults.disarm();
    await faults.idle();
    const known = await knownJob(ledger, { work: WORK, jobKey: tested.job.key });
    return known?.effects.get(tested.effectKey)?.state === 'unknown';
  }

  /** The points that a good run comes to, in their order. */
  async pointsOf(tested: EffectUnderTest): Promise<CrashPoint[]> {
    const points: CrashPoint[] = [];
    const { ledger } = await this.ledger();
    await this.once(tested, ledger, { reached: (point) => void points.push(point) });
    return [...new Set(points)];
  }

  /** Looks as a rehearsal does: whatever else the publisher tries is refused, and told in `refused`. */
  look(tested: EffectUnderTest): Promise<Rehearsed<FoundEffect | undefined>> {
    return rehearsing(async () => {
      const effect = effectOf(tested);
      const looker = await lookerFor(effect, process.cwd(), this.deps(), Buffer.from(tested.text));
      const lookup = looker.lookup?.bind(looker);
      const request = effectRequest({ work: WORK }, tested.job, effect);
      return lookup && asked(looker, 'lookup', () => lookup(request, this.context()));
    });
  }

  /** Takes back what has landed, by a publisher of its own. @throws AdapterError; with a receipt only */
  async takeBack(tested: EffectUnderTest, ledger: Ledger): Promise<void> {
    const effect = effectOf(tested);
    const landed = (await ledger.receipts({ work: WORK, jobKey: tested.job.key })).at(-1);
    if (!landed) throw new Error(`nothing of ${tested.slug} has landed`);
    const publisher = await publisherFor(effect, process.cwd(), this.deps());
    const request = { ...effectRequest({ work: WORK }, tested.job, effect), receipt: landed };
    try {
      await guarded(publisher, 'unpublish', async () =>
        publisher.unpublish?.(request, landed, this.context()),
      );
    } catch (error) {
      this.messages.push(messageOf(error));
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const ledger of this.opened) await ledger.close();
    await rm(this.dir, { recursive: true, force: true });
  }

  private deps(env: Environment = this.place.env ?? {}): PublisherDeps {
    return { env, stateDir: this.dir };
  }

  private context(): PublisherContext {
    return { signal: new AbortController().signal, now: this.now, sleep: (ms) => sleep(ms) };
  }

  private async once(
    tested: EffectUnderTest,
    ledger: Ledger,
    { env, ...options }: Pick<TryOptions, 'tries' | 'reached'> & { readonly env?: Environment },
  ): Promise<EffectTried | { readonly kind: 'stale' }> {
    try {
      const tried = await tryOnce(tested, ledger, { deps: this.deps(env), now: this.now, ...options });
      if ('message' in tried) this.messages.push(tried.message);
      return tried;
    } catch (error) {
      if (error instanceof StaleFence) return { kind: 'stale' };
      throw error;
    }
  }
}
