import {
  BATCH_TRANSITIONS,
  EFFECT_TRANSITIONS,
  JOB_TRANSITIONS,
  SESSION_TRANSITIONS,
} from '../../contract/states.js';

const SESSION_SUBJECT = `new.run_key || '#' || new.attempt`;
const SESSION_PLACE =
  'new.work, new.job_key, coalesce(new.booked_batch_id, new.attached_batch_id, new.batch_id)';

/**
 * What SQLite itself refuses, and what it writes by itself, whoever is connected:
 *  G1. A state changes only as `contract/states.ts` says.
 *  G2. Each change of state is a row of `history`, in the same transaction.
 *  G3. `history` and `receipts` never change; an attempt gets its outcome once; nothing but the member list of a
 *      batch is ever deleted, nor replaced by INSERT OR REPLACE, for which SQLite runs no DELETE trigger.
 */
export const initialSqlite: readonly string[] = [
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
    then: `update jobs set finished_seq = iif(new.state in ('done', 'adopted'), last_insert_rowid(), null)
      where work = new.work and job_key = new.job_key`,
  }),
  ...chronicle('sessions', 'session', {
    subject: SESSION_SUBJECT,
    place: SESSION_PLACE,
    fires: 'update of state',
    when: 'old.state <> new.state',
    then: `update sessions set
      intent_seq = iif(new.state = 'intent', last_insert_rowid(), intent_seq),
      started_seq = iif(new.state = 'started', last_insert_rowid(), started_seq),
      end_seq = iif(new.state in ('collected', 'failed', 'lost', 'cancelled'), last_insert_rowid(), end_seq)
      where run_key = new.run_key and attempt = new.attempt`,
  }),
  `create trigger sessions_attached_history after update of attached on sessions when new.attached > old.attached
    begin
      insert into history (at, kind, subject, from_state, to_state, written_by, detail, work, job_key, batch_id)
        values (new.updated_at, 'session', ${SESSION_SUBJECT}, new.state, 'attached', new.updated_by, new.detail,
          ${SESSION_PLACE});
      update sessions set attached_seq = last_insert_rowid()
        where run_key = new.run_key and attempt = new.attempt;
    end`,
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
  `create trigger attempts_outcome_once before update on attempts
    when old.outcome is not null or new.outcome is null
      or old.work <> new.work or old.job_key <> new.job_key or old.step <> new.step
      or old.effect_key <> new.effect_key or old.number <> new.number or old.batch_id <> new.batch_id
      or old.workflow_id <> new.workflow_id or old.run_id <> new.run_id
      or old.activity_attempt <> new.activity_attempt or old.worker <> new.worker
      or old.started_at <> new.started_at
    begin select raise(abort, 'an attempt gets its outcome once and changes in nothing else'); end`,
  notReplaced('history', ['seq']),
  notReplaced('receipts', ['effect_key', 'revision']),
  notReplaced('attempts', ['work', 'job_key', 'effect_key', 'number']),
  notReplaced('batches', ['id']),
  notReplaced('jobs', ['work', 'job_key']),
  notReplaced('sessions', ['run_key', 'attempt']),
  notReplaced('effects', ['effect_key']),
];

function legalOnly(
  table: string,
  kind: string,
  transitions: Readonly<Record<string, readonly string[]>>,
): readonly string[] {
  const pairs = Object.entries(transitions).flatMap(([from, tos]) => tos.map((to) => `('${from}', '${to}')`));
  return [
    `create trigger ${table}_legal before update of state on ${table}
      when old.state <> new.state and (old.state, new.state) not in (values ${pairs.join(', ')})
      begin select raise(abort, 'illegal ${kind} transition'); end`,
  ];
}

interface Chronicle {
  /** Expression that names the row to people. */
  readonly subject: string;
  /** Expressions for `work, job_key, batch_id`. */
  readonly place: string;
  readonly fires: string;
  readonly when: string;
  /** Statement that may use `last_insert_rowid()`, the sequence number just written. */
  readonly then?: string;
}

function chronicle(table: string, kind: string, { subject, place, fires, when, then }: Chronicle): string[] {
  const write = (from: string) => `begin
      insert into history (at, kind, subject, from_state, to_state, written_by, detail, work, job_key, batch_id)
        values (new.updated_at, '${kind}', ${subject}, ${from}, new.state, new.updated_by, new.detail, ${place});
      ${then === undefined ? '' : `${then};`}
    end`;
  return [
    `create trigger ${table}_insert_history after insert on ${table} ${write('null')}`,
    `create trigger ${table}_update_history after ${fires} on ${table} when ${when} ${write('old.state')}`,
  ];
}

function never(table: string, acts: readonly ('update' | 'delete')[]): string[] {
  return acts.map(
    (act) => `create trigger ${table}_no_${act} before ${act} on ${table}
      begin select raise(abort, '${table}: ${act} is not allowed'); end`,
  );
}

function notReplaced(table: string, key: readonly string[]): string {
  const same = key.map((column) => `${column} = new.${column}`).join(' and ');
  return `create trigger ${table}_not_replaced before insert on ${table}
    when exists (select 1 from ${table} where ${same})
    begin select raise(abort, '${table}: this row exists already'); end`;
}
