/**
 * A ledger with several nights of one batch in it, filled as workers fill it, by a clock that the story sets: sessions
 * that fail and are tried again, an effect without an answer, a changed job, a parked one, a pause, a second start.
 */
import { batchKey, effectKey, jobKey, runKey } from '../../src/identity/keys.js';
import type { By, Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';

const WORK = 'article';
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

export interface Story {
  /** Jobs of each night; at least 6. */
  readonly jobs: number;
  /** Nights before this one. */
  readonly before?: number;
  /** When the last night began. */
  readonly at?: string;
  /** What a job is called; for hostile names. */
  readonly slug?: (number: number) => string;
  readonly message?: string;
  readonly url?: (slug: string) => string;
  /** Absolute path of the batch file that each night was started from. */
  readonly file?: string;
}

export interface Told {
  readonly ledger: Ledger;
  readonly batchId: string;
  /** Moves the clock that the ledger writes by. */
  readonly setClock: (iso: string) => void;
}

export const NAME = 'nightly-articles';
const SITES = ['antigravitylab', 'bike-shop', 'kitchen', 'garden'];
const SUBJECTS = [
  'overnight-bread',
  'fix-a-puncture',
  'sow-tomatoes',
  'vegetable-stock',
  'clean-a-chain',
  'compost',
];

/** @param path of the ledger's file */
export async function tellNights(path: string, story: Story): Promise<Told> {
  const { jobs, before = 0, at = '2026-11-23T02:00:00.000Z' } = story;
  let clock = Date.parse(at);
  const ledger = await openLedger({ path, now: () => new Date(clock) });
  const last = Date.parse(at);
  let batchId = '';
  for (let night = before; night >= 0; night--) {
    const start = last - night * DAY;
    batchId = await tellNight(ledger, (ms) => (clock = ms), start, night, { ...story, jobs });
  }
  return { ledger, batchId, setClock: (iso) => (clock = Date.parse(iso)) };
}

async function tellNight(
  ledger: Ledger,
  setClock: (ms: number) => void,
  start: number,
  night: number,
  { jobs, slug = (n) => `${SUBJECTS[n % SUBJECTS.length] ?? ''}-${n + 1}`, message, url, file }: Story,
): Promise<string> {
  const edition = new Date(start).toISOString().slice(0, 10);
  const list = Array.from({ length: jobs }, (_, number) => {
    const identity = { site: SITES[number % SITES.length] ?? '', slug: slug(number), edition };
    return { work: WORK, jobKey: jobKey(identity), identity };
  });
  const key = batchKey({ name: NAME, jobKeys: list.map((job) => job.jobKey) });
  const batchId = `batch:${NAME}:${key}`;
  const batch = { id: batchId, name: NAME, key };
  const by: By = { batchId, workflowId: 'job', runId: 'run-1', attempt: 1, worker: 'host-1' };
  const minutes = (n: number) => start + n * MINUTE;
  setClock(start);
  await ledger.openBatch({
    ...batch,
    work: WORK,
    runId: 'run-1',
    manifest: '{}',
    jobs,
    currency: 'EUR',
    file,
    by: 'schedule',
  });
  await ledger.recordRequest({ by: 'schedule', what: 'start', outcome: 'started', batch });
  // Job 3 is a conflict tonight.
  await ledger.setMembers(
    batchId,
    list.map((job, at) =>
      night === 0 && at === 3
        ? { ...job, verdict: 'conflict', note: 'the text of the job differs from the one that was published' }
        : { ...job, verdict: 'new' },
    ),
  );

  for (const [at, job] of list.entries()) {
    if (night === 0 && at === 3) continue;
    // Eight lanes; a job takes about nine minutes.
    const lane = at % 8;
    let now = minutes(Math.floor(at / 8) * 11 + lane * 1.3);
    const effect = {
      ...job,
      effectKey: effectKey({ ...job, name: 'post', target: 'https://blog.example' }),
      name: 'post',
      target: 'https://blog.example',
      use: 'wordpress',
      revision: 1,
    };
    setClock(now);
    const take = async () => {
      const claim = await ledger.claimJob({
        ...job,
        fingerprint: 'f'.repeat(64),
        revision: 1,
        effectKeys: [effect.effectKey],
        by,
      });
      if (claim.kind !== 'claimed') throw new Error(`not claimed: ${claim.kind}`);
      return claim;
    };
    let claim = await take();
    const fails =
      night === 0 ? (at === 1 ? 1 : at === 4 ? 3 : at % 17 === 16 ? 1 : 0) : at % (5 + night) === 2 ? 1 : 0;
    const usage = (costMicros: number) =>
      ({
        inputTokens: 900,
        outputTokens: 2_000,
        cachedTokens: 0,
        costMicros,
        costSource: 'provider',
      }) as const;
    const session = async (attempt: number) => {
      const id = { runKey: runKey({ ...job, revision: 1 }), attempt };
      await ledger.intendSession({ ...id, ...job, provider: 'claude', revision: 1, by }, claim.fence);
      await ledger.saveHandle(id, { id: 'session' }, claim.fence);
      return id;
    };
    let parked = false;
    for (let failure = 1; failure <= fails; failure++) {
      const id = await session(claim.nextAttempt);
      now += 3 * MINUTE;
      setClock(now);
      parked = night === 0 && at === 4 && failure === 3;
      const words =
        at === 4
          ? (message ?? `check minWords: ${180 + failure} words, and 300 are asked for`)
          : `the service answered 529 "overloaded" to request req_${1000 + at}`;
      const errorClass = at === 4 ? 'rejected' : 'transient';
      await ledger.endSession(
        id,
        {
          state: 'failed',
          errorClass,
          message: words,
          usage: usage(21_000 + at * 10),
          ...(parked && {
            job: {
              state: 'parked',
              errorClass,
              message: `${words} (3 sessions were rejected, which is the limit)`,
            },
          }),
        },
        claim.fence,
      );
      if (parked) break;
      now += 2.5 * MINUTE;
      setClock(now);
      claim = await take();
    }
    if (parked) continue;
    const id = await session(claim.nextAttempt);
    if (at === 2) await ledger.attachSession(id, claim.fence);
    now += 6 * MINUTE;
    setClock(now);
    await ledger.endSession(
      id,
      { state: 'collected', artifact: { sha256: 'a'.repeat(64), bytes: 3 }, usage: usage(42_000 + at * 100) },
      claim.fence,
    );
    const { fence } = await ledger.beginEffect(effect, by);
    await ledger.attemptingEffect(effect.effectKey, { sha256: 'b'.repeat(64), revision: 1 }, fence);
    now += 20_000;
    setClock(now);
    if (night === 0 && at === 5) {
      const words = 'https://blog.example took the post and the connection broke before it answered';
      await ledger.stopEffect(
        effect.effectKey,
        {
          state: 'held',
          errorClass: 'unknown',
          message: words,
          job: { state: 'held', errorClass: 'unknown', message: words },
        },
        fence,
      );
      continue;
    }
    const place = (
      url ?? ((title) => `https://${job.identity.site}.example/posts/${encodeURIComponent(title)}`)
    )(job.identity.slug);
    await ledger.landEffect(
      {
        effectKey: effect.effectKey,
        revision: 1,
        id: `post-${at}`,
        url: place,
        sha256: 'b'.repeat(64),
        landedAt: new Date(now).toISOString(),
        adopted: false,
      },
      { ...job, effectKeys: [effect.effectKey], revision: 1, state: 'done' },
      fence,
    );
  }
  const end = Math.ceil(jobs / 8) * 11 + 22;
  if (night === 0) {
    setClock(minutes(12));
    await ledger.setBatchState(batchId, 'paused', 'anna', 'the blog is being moved');
    await ledger.recordRequest({ by: 'ci', what: 'start', outcome: 'joined', batch });
    setClock(minutes(16));
    await ledger.setBatchState(batchId, 'running', 'anna');
  }
  setClock(minutes(end));
  await ledger.setBatchState(batchId, night === 0 ? 'incomplete' : 'completed', 'batch');
  return batchId;
}
