// One try at one effect with a real ledger: what is known afterwards, and what the next try makes of it.
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { join } from 'node:path';
import { setTimeout as timer } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { adoptFromDestinations, askDestinations } from '../../src/activities/adopt.js';
import { guarded } from '../../src/activities/ask-publisher.js';
import type { Deps } from '../../src/activities/deps.js';
import { withGrace } from '../../src/activities/grace.js';
import { reportTrouble } from '../../src/activities/lanes/lane-of.js';
import type { Lane } from '../../src/activities/lanes/lane.js';
import { publish } from '../../src/activities/publish.js';
import { tryEffect, type EffectTry } from '../../src/activities/try-effect.js';
import type {
  BodyRequest,
  FoundEffect,
  Publisher,
  PublisherFacts,
} from '../../src/activities/publishers/publisher.js';
import { retrySchema, type Definition } from '../../src/contract/batch-file.js';
import { AdapterError } from '../../src/contract/errors.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { fingerprintOf } from '../../src/report/morning/causes.js';
import { DEFAULT_RETRY, retryPolicy } from '../../src/policy/retry.js';
import { aFolder, context, publisherAt, sha256 } from './folder-fixture.js';
import {
  BATCH,
  FINGERPRINT,
  WORK,
  aLedger,
  by,
  claimed,
  effectOf,
  identityOf,
  openBatch,
} from './ledger-fixture.js';

/** A service made of memory, by default one that keeps no revisions and can be asked by key. */
class Service {
  readonly posts: string[] = [];
  sent = 0;
  loseAnswers = false;
  updatesFail: AdapterError | undefined;
  canUpdate = false;
  lookupFails: AdapterError | undefined;

  constructor(
    private readonly facts: Partial<PublisherFacts> = {},
    private readonly asked = true,
  ) {}

  publisher(): Publisher {
    const find = async (): Promise<FoundEffect> => {
      if (this.lookupFails && this.sent > 0) throw this.lookupFails;
      const id = this.posts.length;
      if (id === 0) return { kind: 'absent' };
      return {
        kind: 'ours',
        placed: { id: String(id), sha256: sha256(this.posts[id - 1] ?? ''), visible: true },
      };
    };
    return {
      facts: { name: 'service', class: 3, lookup: 'exact', settleMs: 0, ...this.facts },
      ...(this.asked && { lookup: find }),
      create: async ({ body }) => {
        this.sent++;
        this.posts.push(Buffer.from(body).toString());
        if (this.loseAnswers) throw new AdapterError('unknown', 'the connection broke', { sent: 'maybe' });
        return { kind: 'ours', placed: { id: '7', sha256: sha256(body), visible: true } };
      },
      ...(this.canUpdate && {
        update: async ({ body }: BodyRequest) => {
          if (this.updatesFail) throw this.updatesFail;
          this.sent++;
          this.posts.splice(-1, 1, Buffer.from(body).toString());
          return { kind: 'ours' as const, placed: { id: '1', sha256: sha256(body), visible: true } };
        },
      }),
      classify: (error) =>
        error instanceof AdapterError ? error : new AdapterError('bug', String(error), {}, { cause: error }),
    };
  }
}

async function aJob(slug: string, revision = 1) {
  const { ledger } = await aLedger();
  await openBatch(ledger, [slug]);
  await claimed(ledger, slug, { revision, effectKeys: [effectOf(slug).effectKey] });
  return ledger;
}

function tryOnce(
  ledger: Ledger,
  service: Service,
  slug: string,
  more: Partial<EffectTry> & { revision?: number } = {},
) {
  const { effectKey, name, target, use, jobKey } = effectOf(slug);
  const { revision = 1, ...rest } = more;
  const text = `revision ${revision}`;
  return tryEffect(
    {
      work: WORK,
      job: { key: jobKey, identity: identityOf(slug), input: {}, revision, fingerprint: FINGERPRINT },
      effect: { key: effectKey, name, use, target, with: {}, onUnknown: 'hold' },
      effectKeys: [effectKey],
      artifact: { sha256: sha256(text), read: async () => Buffer.from(text) },
      publisher: async () => service.publisher(),
      by: by(),
      tried: () => ({ tries: 1, elapsedMs: 0 }),
      retry: DEFAULT_RETRY,
      endsAt: Date.now() + 3_600_000,
      context: { signal: new AbortController().signal, now: () => new Date(), sleep: async () => undefined },
      reached: () => undefined,
      ...rest,
    },
    ledger,
  );
}

const statesOf = async (ledger: Ledger, slug: string) =>
  [
    ...((await ledger.jobs(WORK, [effectOf(slug).jobKey])).get(effectOf(slug).jobKey)?.effects.values() ??
      []),
  ].map(({ state, revision }) => `${state} ${revision}`);

test('the turn of a request is waited for before the ledger hears that it leaves, and once', async () => {
  const [ledger, service] = [await aJob('turn'), new Service()];
  const publisher = service.publisher();
  const atTurn: unknown[] = [];
  const end = await tryOnce(ledger, service, 'turn', {
    turn: async (_, opts) => void atTurn.push([await statesOf(ledger, 'turn'), opts]),
    publisher: async () => ({
      ...publisher,
      create: async (body, given) => {
        await given.turn?.();
        return publisher.create(body, given);
      },
    }),
  });
  expect(end).toMatchObject({ kind: 'landed' });
  expect(atTurn).toEqual([[['pending 1'], { fresh: true }]]);
});

describe('while our own ledger is away', () => {
  const away = new AdapterError('transient', "the ledger's database does not answer", { ours: 'ledger' });

  test('no destination is blamed for it, and what has landed is not sent again', async () => {
    const [ledger, service] = [await aJob('away'), new Service()];
    const told: unknown[] = [];
    const end = tryOnce({ ...ledger, landEffect: () => Promise.reject(away) }, service, 'away', {
      excuse: async (error) => void told.push(error),
      retry: retryPolicy(retrySchema.parse({ classes: { transient: { tries: 1 } } })),
    });
    await expect(end).rejects.toBe(away); // nor is the job parked
    expect(told).toEqual([]);
    expect(await statesOf(ledger, 'away')).toEqual(['unknown 1']);
    expect(await tryOnce(ledger, service, 'away')).toMatchObject({ kind: 'landed' });
    expect(service.sent).toBe(1);
  });

  test('what could not be begun asks nobody whether it was sent, though the destination can’t be asked', async () => {
    const [ledger, service] = [await aJob('begun'), new Service({ class: 4, lookup: 'none' }, false)];
    const attemptingEffect = () => Promise.reject(away);
    await expect(tryOnce({ ...ledger, attemptingEffect }, service, 'begun')).rejects.toBe(away);
    expect(await tryOnce(ledger, service, 'begun')).toMatchObject({ kind: 'landed' });
    expect(service.sent).toBe(1);
  });

  test('it comes as it is out of an adapter that takes all trouble for its service’s', async () => {
    const facts = { name: 'blog', class: 3, lookup: 'exact', settleMs: 0 } as const;
    const classify = () => new AdapterError('throttled', 'the blog has enough');
    const asks = guarded({ facts, classify }, 'create', () => Promise.reject(away));
    await expect(asks).rejects.toBe(away);
  });

  test('a lane hears nothing of it', async () => {
    const heard: unknown[] = [];
    const lane = { report: async (error: unknown) => void heard.push(error), shared: () => undefined };
    expect(await reportTrouble(lane as unknown as Lane, away)).toBeUndefined();
    expect(heard).toEqual([]);
    await reportTrouble(lane as unknown as Lane, new AdapterError('transient', 'HTTP 503'));
    expect(heard).toHaveLength(1);
  });
});

describe('a job that is cancelled, or a worker that stops', () => {
  const reason = new CancelledFailure('WORKER_SHUTDOWN');
  const stoppable = () => {
    const stop = new AbortController();
    return { stop, context: { signal: stop.signal, now: () => new Date(), sleep: async () => undefined } };
  };

  test('leaves a request that is on its way the time for its answer', async () => {
    const [ledger, service] = [await aJob('in-hand'), new Service()];
    const { stop, context } = stoppable();
    const publisher = service.publisher();
    const end = await tryOnce(ledger, service, 'in-hand', {
      context,
      publisher: async () => ({
        ...publisher,
        create: async (body, given) => {
          stop.abort(reason);
          await timer(20);
          given.signal.throwIfAborted();
          return publisher.create(body, given);
        },
      }),
    });
    expect(end).toMatchObject({ kind: 'landed' });
    expect(await statesOf(ledger, 'in-hand')).toEqual(['landed 1']);
  });

  test('sends nothing new, and leaves no question behind', async () => {
    const [ledger, service] = [await aJob('stopped'), new Service()];
    const { stop, context } = stoppable();
    const publisher = service.publisher();
    const look = publisher.lookup?.bind(publisher);
    await expect(
      tryOnce(ledger, service, 'stopped', {
        context,
        publisher: async () => ({
          ...publisher,
          lookup: async (request, given) => {
            stop.abort(reason);
            return look!(request, given);
          },
        }),
      }),
    ).rejects.toBe(reason);
    expect(service.sent).toBe(0);
    expect(await statesOf(ledger, 'stopped')).not.toContain('attempting 1');
    expect(await tryOnce(ledger, service, 'stopped')).toMatchObject({ kind: 'landed' });
  });

  test('does not wait for an answer for ever', async () => {
    const { stop, context } = stoppable();
    stop.abort(reason);
    const never = withGrace(
      context,
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      20,
    );
    await expect(never).rejects.toBe(reason);
  });
});

describe('a request without an answer, where nobody can be asked', () => {
  const mailbox = () => new Service({ class: 4, lookup: 'none' }, false);

  test('stays a question in a run that is bound by a plan, and nothing is sent by the run after it', async () => {
    const [ledger, service] = [await aJob('bound'), mailbox()];
    service.loseAnswers = true;
    await tryOnce(ledger, service, 'bound');
    const bound = await tryOnce(ledger, service, 'bound', { forbidden: () => 'the plan says held' });
    expect(bound).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect(await ledger.openQuestions()).toHaveLength(1);
    expect(await tryOnce(ledger, service, 'bound')).toMatchObject({ kind: 'held' });
    expect(service.sent).toBe(1);
  });

  test('of a worker that died is asked of a person before a higher revision, and their answer counts', async () => {
    const [ledger, service] = [await aJob('died'), mailbox()];
    const dies = new Error('SIGKILL');
    const { effectKey, jobKey, ...id } = effectOf('died');
    const { fence } = await ledger.beginEffect({ ...id, effectKey, jobKey }, by());
    await ledger.attemptingEffect(effectKey, { sha256: sha256(dies.message), revision: 1 }, fence);
    await claimed(ledger, 'died', { revision: 2 });
    expect(await tryOnce(ledger, service, 'died', { revision: 2 })).toMatchObject({ kind: 'held' });
    expect(await ledger.openQuestions()).toMatchObject([{ effectKey, revision: 1 }]);
    await ledger.decideEffect(effectKey, { landed: false }, 'ann', 'not in the box');
    expect(await tryOnce(ledger, service, 'died', { revision: 2 })).toMatchObject({ kind: 'landed' });
    expect(service.sent).toBe(1);
  });
});

describe('a read-back that fails', () => {
  test.each([
    ['throttled', 'rejected'],
    ['transient', 'no'],
    ['auth', 'rejected'],
  ] as const)('%s, %s: says nothing of the creation, which is not sent again', async (errorClass, sent) => {
    const slug = `read-back-${errorClass}`;
    const [ledger, service] = [await aJob(slug), new Service()];
    service.lookupFails = new AdapterError(errorClass, 'not now', { sent });
    await tryOnce(ledger, service, slug).catch(() => undefined);
    expect(await statesOf(ledger, slug)).toEqual(['unknown 1']);
    service.lookupFails = undefined;
    expect(await tryOnce(ledger, service, slug)).toMatchObject({ kind: 'landed' });
    expect(service.sent).toBe(1);
  });

  test('and never finds it: a person is asked, whatever was written down before', async () => {
    const [ledger, service] = [await aJob('never'), new Service()];
    service.lookupFails = new AdapterError('throttled', 'not now', { sent: 'rejected' });
    await tryOnce(ledger, service, 'never').catch(() => undefined);
    service.lookupFails = undefined;
    service.posts.length = 0;
    const late = { now: () => new Date(Date.now() + 60_000), sleep: async () => undefined };
    const context = { signal: new AbortController().signal, ...late };
    const end = await tryOnce(ledger, service, 'never', { context, endsAt: Date.now() + 3_600_000 });
    expect(end).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect(await ledger.openQuestions()).toHaveLength(1);
    expect(service.sent).toBe(1);
  });
});

describe('a higher revision, where the destination keeps no revisions', () => {
  test('is not taken for landed because the older one is there', async () => {
    const [ledger, service] = [await aJob('kept'), new Service()];
    expect(await tryOnce(ledger, service, 'kept')).toMatchObject({ kind: 'landed' });
    await claimed(ledger, 'kept', { revision: 2 });
    expect(await tryOnce(ledger, service, 'kept', { revision: 2 })).toMatchObject({
      kind: 'held',
      errorClass: 'conflict',
    });
    expect((await ledger.receipts({})).map(({ revision }) => revision)).toEqual([1]);
  });

  test('nor after an update that never left: the next try sends it', async () => {
    const [ledger, service] = [await aJob('updated'), new Service()];
    service.canUpdate = true;
    expect(await tryOnce(ledger, service, 'updated')).toMatchObject({ kind: 'landed' });
    await claimed(ledger, 'updated', { revision: 2 });
    service.updatesFail = new AdapterError('transient', 'connection refused', { sent: 'no' });
    expect(await tryOnce(ledger, service, 'updated', { revision: 2 })).toMatchObject({ kind: 'again' });
    service.updatesFail = undefined;
    expect(await tryOnce(ledger, service, 'updated', { revision: 2 })).toMatchObject({ kind: 'landed' });
    expect(service.posts).toEqual(['revision 2']);
  });

  test('nor when the older one got no answer', async () => {
    const [ledger, service] = [await aJob('lost'), new Service()];
    service.loseAnswers = true;
    await tryOnce(ledger, service, 'lost').catch(() => undefined);
    await claimed(ledger, 'lost', { revision: 2 });
    expect(await tryOnce(ledger, service, 'lost', { revision: 2 })).toMatchObject({ kind: 'held' });
    expect(await ledger.receipts({})).toEqual([]);
  });

  test('nor is its agent spared: what is there is asked for before a session', async () => {
    const [ledger, service] = [await aJob('spared'), new Service()];
    await tryOnce(ledger, service, 'spared');
    await claimed(ledger, 'spared', { revision: 2 });
    const found = await service.publisher().lookup?.({} as never, {} as never);
    const { effectKey: key, name, target, use, jobKey } = effectOf('spared');
    const answers = [{ effect: { key, name, target, use, with: {}, onUnknown: 'hold' as const }, found }];
    const job = {
      key: jobKey,
      identity: identityOf('spared'),
      input: {},
      revision: 2,
      fingerprint: FINGERPRINT,
    };
    const asked = { definition: { work: WORK } as Definition, job, context: {} as never };
    expect(await adoptFromDestinations(answers, asked, ledger, by())).toBeUndefined();
    expect((await ledger.receipts({})).map(({ revision }) => revision)).toEqual([1]);
  });
});

describe('a place that another effect has', () => {
  const asking = (slug: string, baseDir: string, batchId = BATCH) => {
    const { effectKey: key, name, target, jobKey } = effectOf(slug);
    const effect = { key, name, use: 'folder', target, with: { path: 'a.md' }, onUnknown: 'hold' as const };
    const definition = {
      work: WORK,
      baseDir,
      effects: [{ ...effect, settle: '0s' }],
    } as unknown as Definition;
    const job = { key: jobKey, identity: identityOf(slug), input: {}, revision: 1, fingerprint: FINGERPRINT };
    return { definition, job, context, by: by(batchId) };
  };
  const land = (ledger: Ledger, slug: string, baseDir: string) =>
    tryOnce(ledger, new Service(), slug, {
      artifact: { sha256: sha256('same'), read: async () => Buffer.from('same') },
      publisher: async () => publisherAt(baseDir, 'a.md'),
    });

  test('is told with its name and batch, where a try meets it and where it is asked for before', async () => {
    const ledger = await aJob('one');
    await claimed(ledger, 'two', { effectKeys: [effectOf('two').effectKey] });
    const baseDir = aFolder();
    expect(await land(ledger, 'one', baseDir)).toMatchObject({ kind: 'landed' });
    const place = join(baseDir, 'public/a.md');
    const told = `${place}: another effect (post of "blog / a / one", batch nightly) published to this path; give each its own`;
    expect(await land(ledger, 'two', baseDir)).toMatchObject({ kind: 'held', message: `post: ${told}` });
    expect(await askedFirst(ledger)).toEqual([told]);
    // A report that names causes counts those of a hundred jobs as one.
    const ofOthers = told.replaceAll('one', 'three');
    expect(fingerprintOf('conflict', ofOthers)).toBe(fingerprintOf('conflict', told));
    // Another ledger has never heard of it: then its key is all there is.
    const [other] = await askedFirst((await aLedger()).ledger);
    expect(other).toContain(`another effect (${effectOf('one').effectKey}) published`);

    async function askedFirst(known: Ledger): Promise<string[]> {
      const answers = await askDestinations(asking('two', baseDir), {
        env: {},
        stateDir: aFolder(),
        ledger: known,
      });
      return answers.map(({ found }) => (found?.kind === 'theirs' ? `${found.location}: ${found.why}` : ''));
    }
  });
});

test('an effect whose artifacts can’t be reached is gated, not tried for ever', async () => {
  const ledger = await aJob('gated');
  const refused = () => Promise.reject(new AdapterError('auth', 'the artifact store refused the key'));
  const artifacts = { read: refused, readRange: refused };
  const deps = { ledger, artifacts, now: () => new Date() } as unknown as Deps;
  const manifest = { definition: sha256('d'), jobs: sha256('j'), count: 1 };
  const ref = { work: WORK, batchId: BATCH, manifest, key: effectOf('gated').jobKey, offset: 0, length: 1 };
  const publishing = publish(deps);
  const end = await new MockActivityEnvironment().run(publishing, {
    ...ref,
    effect: 'post',
    artifact: sha256('text'),
  });
  expect(end).toMatchObject({ kind: 'gated', errorClass: 'auth' });
  expect((await ledger.jobs(WORK, [ref.key])).get(ref.key)).toMatchObject({ state: 'gated' });
});
