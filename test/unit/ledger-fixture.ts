/**
 * A ledger of its own for each test, and short ways to put something into it. It is an SQLite file; after
 * `useDatabase`, all ledgers of the test file are in schemas of that database.
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import pg from 'pg';
import { afterAll, onTestFinished } from 'vitest';
import { jobKey, effectKey, runKey } from '../../src/identity/keys.js';
import type {
  By,
  Claim,
  ClaimRequest,
  EffectId,
  Ledger,
  Member,
  OpenBatch,
  SessionEnd,
  Settles,
  Usage,
} from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import type { Receipt } from '../../src/contract/receipt.js';

export const WORK = 'article';
export const BATCH = 'batch:nightly:1';
export const NOBODY = 'test';
export const FINGERPRINT = 'f'.repeat(64);
export const NO_USAGE: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  costMicros: 0,
  costSource: 'none',
};

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-ledger-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

let database: string | undefined;
let schemas = 0;

/** From now on ledgers are made in this PostgreSQL database. */
export function useDatabase(url: string): void {
  database = url;
}

export const onPostgres = (): boolean => database !== undefined;

/** A place where no ledger is yet: a file, or the URL of a schema. */
export async function aPlace(): Promise<string> {
  if (database === undefined) return join(temporaryFolder(), 'ledger.db');
  const schema = `ledger_${++schemas}`;
  await rawSql(database)(`create schema ${schema}`);
  return `${database}?options=-csearch_path%3D${schema}`;
}

/** Opens it as the configuration of a process would. */
export const placeOf = (path: string) => (path.startsWith('postgres:') ? { url: path } : { path });

const folderOfEmpty = mkdtempSync(join(tmpdir(), 'nightshift-empty-ledger-'));
afterAll(() => rmSync(folderOfEmpty, { recursive: true, force: true }));
let empty: Promise<string> | undefined;

/** Made once for each test file: to copy one takes a tenth of the time. */
async function makeEmpty(): Promise<string> {
  const path = join(folderOfEmpty, 'ledger.db');
  await (await openLedger({ path })).close();
  return path;
}

async function aMigratedPlace(): Promise<string> {
  const place = await aPlace();
  if (!onPostgres()) copyFileSync(await (empty ??= makeEmpty()), place);
  return place;
}

export async function aLedger(path?: string): Promise<{ readonly ledger: Ledger; readonly path: string }> {
  const place = path ?? (await aMigratedPlace());
  const ledger = await openLedger(placeOf(place));
  onTestFinished(() => ledger.close());
  return { ledger, path: place };
}

/** Another program's connection to the same file. */
export function rawConnection(path: string): BetterSqlite3.Database {
  const raw = new BetterSqlite3(path);
  onTestFinished(() => void raw.close());
  return raw;
}

/** Another program that speaks SQL to the same ledger, of whatever kind it is. */
export interface RawSql {
  /** @param sql one statement; `?` stands for a value */
  (sql: string, ...values: readonly unknown[]): Promise<Record<string, unknown>[]>;
}

export function rawSql(path: string): RawSql {
  return path.startsWith('postgres:') ? rawPostgres(path) : rawSqlite(path);
}

function rawSqlite(path: string): RawSql {
  const raw = rawConnection(path);
  return (sql, ...values) =>
    new Promise((resolve) => {
      const statement = raw.prepare<unknown[], Record<string, unknown>>(sql);
      if (statement.reader) return resolve(statement.all(...values));
      statement.run(...values);
      resolve([]);
    });
}

function rawPostgres(url: string): RawSql {
  const client = new pg.Client({ connectionString: url });
  client.setTypeParser(pg.types.builtins.INT8, Number); // as SQLite has them
  client.on('error', () => undefined); // a test may kill the server
  const connected = client.connect();
  // Not before it is connected: a goodbye in the middle of the sign-in is an error that nobody waits for.
  onTestFinished(async () => {
    await connected.catch(() => undefined);
    await client.end();
  });
  return async (sql, ...values) => {
    await connected;
    let number = 0;
    const { rows } = await client.query<Record<string, unknown>>(
      sql.replace(/\?/g, () => `$${++number}`),
      [...values],
    );
    return rows;
  };
}

export const by = (batchId = BATCH, attempt = 1): By => ({
  batchId,
  workflowId: `job:${WORK}`,
  runId: 'run-1',
  attempt,
  worker: '1@host',
});

export const identityOf = (slug: string) => ({ site: 'blog', category: 'a', slug });
export const keyOf = (slug: string): string => jobKey(identityOf(slug));
export const jobOf = (slug: string) => ({ work: WORK, jobKey: keyOf(slug) });

export const member = (slug: string, more: Partial<Member> = {}): Member => ({
  ...jobOf(slug),
  identity: identityOf(slug),
  verdict: 'new',
  ...more,
});

export async function openBatch(
  ledger: Ledger,
  slugs: readonly string[],
  {
    id = BATCH,
    runId = 'run-1',
    name = 'nightly',
    manifest = '{"v":1}',
    file,
  }: Partial<Pick<OpenBatch, 'id' | 'runId' | 'name' | 'manifest' | 'file'>> = {},
): Promise<void> {
  await ledger.openBatch({
    id,
    name,
    key: keyOf(id),
    work: WORK,
    runId,
    manifest,
    jobs: slugs.length,
    currency: 'EUR',
    file,
    by: NOBODY,
  });
  await ledger.setMembers(
    id,
    slugs.map((slug) => member(slug)),
  );
}

export const claimRequest = (slug: string, more: Partial<ClaimRequest> = {}): ClaimRequest => ({
  ...jobOf(slug),
  identity: identityOf(slug),
  fingerprint: FINGERPRINT,
  revision: 1,
  effectKeys: ['0'.repeat(32)], // never landed, so a finished job may be claimed
  by: by(),
  ...more,
});

export type Claimed = Extract<Claim, { kind: 'claimed' }>;

export async function claimed(
  ledger: Ledger,
  slug: string,
  more: Partial<ClaimRequest> = {},
): Promise<Claimed> {
  const claim = await ledger.claimJob(claimRequest(slug, more));
  if (claim.kind !== 'claimed') throw new Error(`expected a claim, got ${claim.kind}`);
  return claim;
}

export const sessionOf = (slug: string, attempt: number, revision = 1) => ({
  runKey: runKey({ ...jobOf(slug), revision }),
  attempt,
});

/** A session that was really started. */
export async function startedSession(
  ledger: Ledger,
  slug: string,
  claim: Claimed,
  { revision = 1, batchId = BATCH, provider = 'command' } = {},
) {
  const session = sessionOf(slug, claim.nextAttempt, revision);
  await ledger.intendSession(
    { ...session, ...jobOf(slug), provider, revision, by: by(batchId) },
    claim.fence,
  );
  await ledger.saveHandle(session, { pid: 1 }, claim.fence);
  return session;
}

export const collected = (costMicros = 0, sha256 = 'a'.repeat(64)): SessionEnd => ({
  state: 'collected',
  artifact: { sha256, bytes: 3 },
  usage: { ...NO_USAGE, costMicros },
});

export const failed = (more: Partial<Extract<SessionEnd, { errorClass: unknown }>> = {}): SessionEnd => ({
  state: 'failed',
  usage: NO_USAGE,
  errorClass: 'rejected',
  message: 'too short',
  ...more,
});

export const PARKED = { state: 'parked', errorClass: 'rejected', message: 'budget spent' } as const;

export function effectOf(slug: string, name = 'post', revision = 1): EffectId {
  const target = './public';
  const key = effectKey({ ...jobOf(slug), name, target });
  return { ...jobOf(slug), effectKey: key, name, target, use: 'folder', revision };
}

export const receiptOf = (effect: EffectId, more: Partial<Receipt> = {}): Receipt => ({
  effectKey: effect.effectKey,
  revision: effect.revision,
  id: `id-${effect.name}`,
  sha256: 'b'.repeat(64),
  landedAt: '2026-01-01T00:00:00.000Z',
  adopted: false,
  ...more,
});

export const settlesOf = (
  slug: string,
  effects: readonly EffectId[],
  more: Partial<Settles> = {},
): Settles => ({
  ...jobOf(slug),
  effectKeys: effects.map((effect) => effect.effectKey),
  revision: effects[0]?.revision ?? 1,
  state: 'done',
  ...more,
});

/** Takes, sends and lands one effect that is all the job has. */
export async function landed(
  ledger: Ledger,
  slug: string,
  { adopted = false, revision = 1, batchId = BATCH } = {},
): Promise<void> {
  const effect = effectOf(slug, 'post', revision);
  const { fence } = await ledger.beginEffect(effect, by(batchId));
  if (!adopted) await ledger.attemptingEffect(effect.effectKey, { sha256: 'b'.repeat(64), revision }, fence);
  const settles = settlesOf(slug, [effect], { state: adopted ? 'adopted' : 'done' });
  await ledger.landEffect(receiptOf(effect, { adopted }), settles, fence);
}

export async function stateOf(ledger: Ledger, slug: string): Promise<string | undefined> {
  return (await ledger.jobs(WORK, [keyOf(slug)])).get(keyOf(slug))?.state;
}
