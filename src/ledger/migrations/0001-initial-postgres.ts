import {
  BATCH_TRANSITIONS,
  EFFECT_TRANSITIONS,
  JOB_TRANSITIONS,
  SESSION_TRANSITIONS,
} from '../../contract/states.js';
import { LEDGER_MARK, WRITER_LOCK, WRITERS_TABLE } from '../postgres-names.js';
import { chronicle, commonFunctions, functionOf, legalOnly, never } from './plpgsql.js';

const SESSION_SUBJECT = `new.run_key || '#' || new.attempt`;
const SESSION_PLACE =
  'new.work, new.job_key, coalesce(new.booked_batch_id, new.attached_batch_id, new.batch_id)';

/** Takes the lock of all who write, as the ledger itself does, and gives the next number under it. */
const NUMBER_HISTORY = `
      perform pg_advisory_xact_lock(${WRITER_LOCK}, quote_ident(tg_table_schema)::regnamespace::oid::int4);
      select coalesce(max(seq), 0) + 1 into following from history;
      if new.seq <> following then
        raise exception 'history: row % exists already or is not the next one', new.seq;
      end if;
      new.seq := following;
      return new;`;

/**
 * What PostgreSQL itself refuses, and what it writes by itself, whoever is connected. G1 to G3 are those of SQLite.
 *  G1. A state changes only as `contract/states.ts` says.
 *  G2. Each change of state is a row of `history`, in the same transaction.
 *  G3. `history` and `receipts` never change; an attempt gets its outcome once; nothing but the member list of a
 *      batch is ever deleted. PostgreSQL has no INSERT OR REPLACE; ON CONFLICT DO UPDATE fires the triggers of updates.
 *  G4. Numbers of `history` are given in the order of commits and without gaps. A sequence would do neither.
 */
export const initialPostgres: readonly string[] = [
  `comment on table ledger_migrations is '${LEDGER_MARK}'`,
  // One row for each process that writes: the number of its last transaction that committed.
  `create table ${WRITERS_TABLE} (id text primary key, writes bigint not null, written_at timestamptz not null)`,
  ...commonFunctions,

  'alter table history alter column seq drop identity',
  'alter table history alter column seq type bigint', // `integer` ends at 2 billion here, not in SQLite
  functionOf('history_number', NUMBER_HISTORY, 'following bigint;'),
  `create trigger history_number before insert on history for each row execute function history_number()`,

  ...legalOnly('batches', 'batch', BATCH_TRANSITIONS),
  ...legalOnly('jobs', 'job', JOB_TRANSITIONS),
  ...legalOnly('sessions', 'session', SESSION_TRANSITIONS),
  ...legalOnly('effects', 'effect', EFFECT_TRANSITIONS),

  // A new run of a batch is a row of its own even when the batch was never closed.
  ...chronicle('batches', 'batch', {
    subject: 'new.id',
    place: `new.work, null, new.id`,
    fires: 'update of state, run_id',
    when: 'old.state <> new.state or old.run_id <> new.run_id',
  }),
  ...chronicle('jobs', 'job', {
    subject: `new.work || ':' || new.job_key`,
    place: 'new.work, new.job_key, new.batch_id',
    fires: 'update of state',
    when: 'old.state <> new.state',
    then: `update jobs set finished_seq = case when new.state in ('done', 'adopted') then written end
      where work = new.work and job_key = new.job_key
        and (finished_seq is not null or new.state in ('done', 'adopted'))`,
  }),
  ...chronicle('sessions', 'session', {
    subject: SESSION_SUBJECT,
    place: SESSION_PLACE,
    fires: 'update of state',
    when: 'old.state <> new.state',
    then: `update sessions set
      intent_seq = case when new.state = 'intent' then written else intent_seq end,
      started_seq = case when new.state = 'started' then written else started_seq end,
      end_seq = case when new.state in ('collected', 'failed', 'lost', 'cancelled') then written else end_seq end
      where run_key = new.run_key and attempt = new.attempt`,
  }),
  functionOf(
    'sessions_attached',
    `insert into history (at, kind, subject, from_state, to_state, written_by, detail, work, job_key, batch_id)
        values (new.updated_at, 'session', ${SESSION_SUBJECT}, new.state, 'attached', new.updated_by, new.detail,
          ${SESSION_PLACE})
        returning seq into written;
      update sessions set attached_seq = written where run_key = new.run_key and attempt = new.attempt;
      return null;`,
    'written bigint;',
  ),
  `create trigger sessions_attached_history after update of attached on sessions for each row
    when (new.attached > old.attached) execute function sessions_attached()`,
  // Each request that may leave is a row, also the second one of a state that was "attempting" already.
  ...chronicle('effects', 'effect', {
    subject: 'new.effect_key',
    place: 'new.work, new.job_key, new.batch_id',
    fires: 'update of state, attempts',
    when: 'old.state <> new.state or old.attempts <> new.attempts',
  }),

  ...never('history', ['update', 'delete']),
  ...never('receipts', ['update', 'delete']),
  ...never('attempts', ['delete']),
  ...never('batches', ['delete']),
  ...never('jobs', ['delete']),
  ...never('sessions', ['delete']),
  ...never('effects', ['delete']),
  functionOf(
    'attempts_refuse',
    `raise exception 'an attempt gets its outcome once and changes in nothing else';`,
  ),
  `create trigger attempts_outcome_once before update on attempts for each row
    when (old.outcome is not null or new.outcome is null
      or old.work <> new.work or old.job_key <> new.job_key or old.step <> new.step
      or old.effect_key <> new.effect_key or old.number <> new.number or old.batch_id <> new.batch_id
      or old.workflow_id <> new.workflow_id or old.run_id <> new.run_id
      or old.activity_attempt <> new.activity_attempt or old.worker <> new.worker
      or old.started_at <> new.started_at)
    execute function attempts_refuse()`,
];
