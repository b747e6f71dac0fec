// Only the changes of state that contract/states.ts lists are possible, through the API and by raw SQL.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  BATCH_TRANSITIONS,
  EFFECT_TRANSITIONS,
  JOB_TRANSITIONS,
  SESSION_TRANSITIONS,
  type BatchState,
  type EffectState,
  type JobState,
  type SessionState,
} from '../../src/contract/states.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { initialPostgres } from '../../src/ledger/migrations/0001-initial-postgres.js';
import { initialSqlite } from '../../src/ledger/migrations/0001-initial-sqlite.js';
import { IllegalTransition } from '../../src/ledger/transitions.js';
import {
  aLedger,
  by,
  claimed,
  collected,
  effectOf,
  failed,
  jobOf,
  NOBODY,
  openBatch,
  rawSql,
  receiptOf,
  startedSession,
  stateOf,
  type RawSql,
} from './ledger-fixture.js';

const TABLES = {
  batches: BATCH_TRANSITIONS,
  jobs: JOB_TRANSITIONS,
  sessions: SESSION_TRANSITIONS,
  effects: EFFECT_TRANSITIONS,
} as const;
const KEYS = {
  batches: ['id'],
  jobs: ['job_key'],
  sessions: ['run_key', 'attempt'],
  effects: ['effect_key'],
};

const pairsOf = (transitions: Readonly<Record<string, readonly string[]>>) =>
  Object.keys(transitions).flatMap((from) => Object.keys(transitions).map((to) => ({ from, to })));

describe('by raw SQL', () => {
  test.each(Object.entries(TABLES))(
    '%s take the listed changes and refuse all others',
    async (table, transitions) => {
      const { ledger, path } = await aLedger();
      await everyKindOfRow(ledger);
      const raw = rawSql(path);
      for (const { from, to } of pairsOf(transitions)) {
        const where = await copyOfRow(raw, table as keyof typeof TABLES, from, `${from}-${to}`);
        const move = raw(`update ${table} set state = '${to}' where ${where}`);
        const legal =
          from === to || (transitions as Record<string, readonly string[]>)[from]?.includes(to) === true;
        const label = `${table}: ${from} -> ${to}`;
        if (legal) await expect(move, label).resolves.toEqual([]);
        else await expect(move, label).rejects.toThrow(/illegal \w+ transition/);
        const [row] = await raw(`select state from ${table} where ${where}`);
        expect(row, label).toEqual({ state: legal ? to : from });
      }
    },
  );

  test.each(Object.keys(TABLES))('%s hold no state that has no name', async (table) => {
    const { ledger, path } = await aLedger();
    await everyKindOfRow(ledger);
    const raw = rawSql(path);
    await expect(raw(`update ${table} set state = 'finished'`)).rejects.toThrow();
    await expect(copyOfRow(raw, table as keyof typeof TABLES, 'finished', 'x')).rejects.toThrow(/CHECK/i);
  });
});

test('each change of state by raw SQL is a row of history', async () => {
  const { ledger, path } = await aLedger();
  await everyKindOfRow(ledger);
  const raw = rawSql(path);
  const before = await ledger.head();

  await raw(`update jobs set state = 'gated', updated_by = 'somebody', detail = 'why not'`);
  await raw(`update sessions set state = 'failed' where state = 'collected'`);
  await raw(`update effects set state = 'pending' where state = 'landed'`);
  await raw(`update batches set state = 'paused'`);

  const rows = (await ledger.history({})).filter((row) => row.seq > before);
  expect(rows.map(({ kind, from, to }) => [kind, from, to])).toEqual([
    ['job', 'running', 'gated'],
    ['session', 'collected', 'failed'],
    ['effect', 'landed', 'pending'],
    ['batch', 'running', 'paused'],
  ]);
  expect(rows[0]).toMatchObject({
    by: 'somebody',
    detail: 'why not',
    subject: `article:${jobOf('one').jobKey}`,
  });
});

describe('through the API', () => {
  test('jobs: settleJob', async () => {
    const { ledger } = await aLedger();
    for (const [index, { from, to }] of pairsOf(JOB_TRANSITIONS).entries()) {
      const slug = `j${index}`;
      await claimed(ledger, slug);
      await ledger.settleJob(jobOf(slug), { state: from as JobState }, by());
      const move = ledger.settleJob(jobOf(slug), { state: to as JobState }, by());
      const legal = from === to || JOB_TRANSITIONS[from as JobState].includes(to as JobState);
      await expectMove(move, legal, `${from} -> ${to}`);
      expect(await stateOf(ledger, slug), `${from} -> ${to}`).toBe(legal ? to : from);
    }
  });

  test('batches: setBatchState', async () => {
    const { ledger } = await aLedger();
    for (const { from, to } of pairsOf(BATCH_TRANSITIONS)) {
      const id = `batch:${from}-${to}`;
      await openBatch(ledger, [], { id });
      if (from !== 'running') await ledger.setBatchState(id, from as BatchState, NOBODY);
      const legal = from === to || BATCH_TRANSITIONS[from as BatchState].includes(to as BatchState);
      await expectMove(ledger.setBatchState(id, to as BatchState, NOBODY), legal, `${from} -> ${to}`);
      expect((await ledger.batch(id))?.state, `${from} -> ${to}`).toBe(legal ? to : from);
    }
  });

  test('sessions: saveHandle and endSession', async () => {
    const { ledger } = await aLedger();
    const reachable = ['intent', 'started', 'collected', 'failed', 'lost', 'cancelled'] as const;
    const ends = ['collected', 'failed', 'lost', 'cancelled'] as const;
    let number = 0;
    for (const from of reachable) {
      for (const to of ['started', ...ends] as const) {
        const slug = `s${number++}`;
        const claim = await claimed(ledger, slug);
        const session = await sessionIn(ledger, slug, from);
        const move =
          to === 'started'
            ? ledger.saveHandle(session, { again: true }, claim.fence)
            : ledger.endSession(
                session,
                to === 'collected' ? collected() : failed({ state: to }),
                claim.fence,
              );
        const legal = from === to || SESSION_TRANSITIONS[from].includes(to);
        await expectMove(move, legal, `${from} -> ${to}`);
      }
    }
  });

  test('effects: attemptingEffect, landEffect and stopEffect', async () => {
    const { ledger } = await aLedger();
    let number = 0;
    for (const from of Object.keys(EFFECT_TRANSITIONS) as EffectState[]) {
      for (const to of ['attempting', 'landed', 'unknown', 'held', 'failed'] as const) {
        const slug = `e${number++}`;
        await claimed(ledger, slug);
        const fence = await effectIn(ledger, slug, from);
        const legal = from === to || EFFECT_TRANSITIONS[from].includes(to);
        await expectMove(moveEffect(ledger, slug, to, fence), legal, `${from} -> ${to}`);
        const effect = await ledger.beginEffect(effectOf(slug), by());
        expect(effect.state, `${from} -> ${to}`).toBe(legal ? to : from);
      }
    }
  });
});

// Released migrations stay as they are. If this fails because contract/states.ts changed, restore what 0001 made
// (copy the old tables into it) and write a new migration that replaces the triggers.
test('the triggers of the first migration are the ones that were released', () => {
  const hashOf = (statements: readonly string[]) =>
    createHash('sha256').update(statements.join('\n').replace(/\s+/g, ' ')).digest('hex');
  expect(hashOf(initialSqlite)).toBe('75ad248ed87ff11540dbb9c30f865a1bb996bf85ea03dd67ed781e3d6f603598');
  expect(hashOf(initialPostgres)).toBe('71a3f6c8f0b6058222acd76acf0ddd24d5cf24b6ae28fdd05d7fb0c8df98e08b');
});

async function expectMove(move: Promise<unknown>, legal: boolean, label: string): Promise<void> {
  if (legal) await expect(move, label).resolves.not.toThrow();
  else await expect(move, label).rejects.toThrow(IllegalTransition);
}

async function everyKindOfRow(ledger: Ledger): Promise<void> {
  await openBatch(ledger, ['one']);
  const claim = await claimed(ledger, 'one');
  const session = await startedSession(ledger, 'one', claim);
  await ledger.endSession(session, collected(), claim.fence);
  const { fence } = await ledger.beginEffect(effectOf('one'), by());
  await ledger.landEffect(receiptOf(effectOf('one')), undefined, fence);
}

/** Rows may be inserted in any state, as a restored ledger does; only changes are watched. Returns how to find it. */
async function copyOfRow(
  raw: RawSql,
  table: keyof typeof TABLES,
  state: string,
  tag: string,
): Promise<string> {
  const [row = {}] = await raw(`select * from ${table} limit 1`);
  const [key = ''] = KEYS[table];
  const name = `${String(row[key])}-${tag}`;
  const copy = { ...row, state, [key]: name };
  if (table === 'sessions') {
    const [{ last } = {}] = await raw('select max(attempt) as last from sessions');
    Object.assign(copy, { attempt: Number(last) + 1 });
  }
  const columns = Object.keys(copy);
  await raw(
    `insert into ${table} (${columns.map((column) => `"${column}"`).join(', ')})
      values (${columns.map(() => '?').join(', ')})`,
    ...Object.values(copy),
  );
  return `${key} = '${name}'`;
}

async function sessionIn(ledger: Ledger, slug: string, state: SessionState) {
  const claim = { fence: 1, nextAttempt: 1 };
  const session = { runKey: `run-of-${slug}`, attempt: 1 };
  const row = { ...session, ...jobOf(slug), provider: 'command', revision: 1, by: by() };
  await ledger.intendSession(row, claim.fence);
  if (state === 'intent') return session;
  await ledger.saveHandle(session, {}, claim.fence);
  if (state === 'started') return session;
  const end = state === 'collected' ? collected() : failed({ state: state });
  await ledger.endSession(session, end, claim.fence);
  return session;
}

async function effectIn(ledger: Ledger, slug: string, state: EffectState): Promise<number> {
  const { fence } = await ledger.beginEffect(effectOf(slug), by());
  if (state === 'pending') return fence;
  if (state !== 'landed') await moveEffect(ledger, slug, 'attempting', fence);
  if (state !== 'attempting') await moveEffect(ledger, slug, state, fence);
  return fence;
}

async function moveEffect(
  ledger: Ledger,
  slug: string,
  to: Exclude<EffectState, 'pending'>,
  fence: number,
): Promise<void> {
  const effect = effectOf(slug);
  if (to === 'attempting') {
    await ledger.attemptingEffect(effect.effectKey, { sha256: 'c'.repeat(64), revision: 1 }, fence);
  } else if (to === 'landed') {
    await ledger.landEffect(receiptOf(effect), undefined, fence);
  } else {
    await ledger.stopEffect(
      effect.effectKey,
      { state: to, errorClass: 'unknown', message: 'no answer' },
      fence,
    );
  }
}
