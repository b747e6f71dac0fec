import { sql } from 'kysely';
import type { ColumnDefinitionBuilder, CreateTableBuilder, RawBuilder } from 'kysely';
import { BATCH_STATES, EFFECT_STATES, JOB_STATES, SESSION_STATES } from '../../contract/states.js';
import type { Migration } from '../migrate.js';

/**
 * The first schema. Once released it is never edited: a change, also one of `contract/states.ts`, is a new
 * migration. A test pins the SQL that comes out of this one.
 */
export const initial: Migration = {
  name: '0001-initial',
  async up(db, parts) {
    await db.schema
      .createTable('history')
      .addColumn('seq', 'integer', (column) => parts.sequence(column))
      .addColumn('at', 'text', notNull)
      .addColumn('kind', 'text', notNull)
      .addColumn('subject', 'text', notNull)
      .addColumn('from_state', 'text')
      .addColumn('to_state', 'text', notNull)
      .addColumn('written_by', 'text', notNull)
      .addColumn('detail', 'text')
      .addColumn('work', 'text')
      .addColumn('job_key', 'text')
      .addColumn('batch_id', 'text')
      .execute();
    await db.schema.createIndex('history_job').on('history').columns(['work', 'job_key', 'seq']).execute();
    await db.schema.createIndex('history_batch').on('history').columns(['batch_id', 'seq']).execute();

    await db.schema
      .createTable('batches')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('name', 'text', notNull)
      .addColumn('batch_key', 'text', notNull)
      .addColumn('work', 'text', notNull)
      .addColumn('run_id', 'text', notNull)
      .addColumn('manifest', 'text', notNull)
      .addColumn('jobs', 'integer', notNull)
      .addColumn('currency', 'text', notNull)
      .addColumn('state', 'text', stateColumn(BATCH_STATES))
      .addColumn('reason', 'text')
      .addColumn('opened_seq', 'bigint', notNull)
      .addColumn('opened_at', 'text', notNull)
      .addColumn('opened_by', 'text', notNull)
      .addColumn('closed_at', 'text')
      .$call(changed)
      .execute();
    await db.schema.createIndex('batches_name').on('batches').columns(['name', 'opened_seq']).execute();

    await db.schema
      .createTable('batch_jobs')
      .addColumn('batch_id', 'text', (column) => column.notNull().references('batches.id'))
      .addColumn('position', 'integer', notNull)
      .addColumn('work', 'text', notNull)
      .addColumn('job_key', 'text', notNull)
      .addColumn('identity', 'text', notNull)
      .addColumn('verdict', 'text', notNull)
      .addColumn('note', 'text')
      .addPrimaryKeyConstraint('batch_jobs_pk', ['batch_id', 'position'])
      .execute();
    // Covers what counting needs of a member, so that counting reads no identities.
    await db.schema
      .createIndex('batch_jobs_job')
      .on('batch_jobs')
      .columns(['batch_id', 'work', 'job_key', 'verdict'])
      .execute();

    await db.schema
      .createTable('jobs')
      .addColumn('work', 'text', notNull)
      .addColumn('job_key', 'text', notNull)
      .addColumn('identity', 'text', notNull)
      .addColumn('fingerprint', 'text', notNull)
      .addColumn('revision', 'integer', notNull)
      .addColumn('state', 'text', stateColumn(JOB_STATES))
      .addColumn('fence', 'integer', notNull)
      .addColumn('batch_id', 'text', notNull)
      .addColumn('claimed_by', 'text', notNull)
      .addColumn('step', 'text', notNull)
      .addColumn('active_since', 'text')
      .addColumn('last_attempt', 'integer', notNull)
      .addColumn('budget_from_attempt', 'integer', notNull)
      .addColumn('finished_seq', 'bigint')
      .$call(artifact)
      .$call(failed)
      .$call(changed)
      .addPrimaryKeyConstraint('jobs_pk', ['work', 'job_key'])
      .execute();

    await db.schema
      .createTable('attempts')
      .addColumn('work', 'text', notNull)
      .addColumn('job_key', 'text', notNull)
      .addColumn('step', 'text', notNull)
      .addColumn('effect_key', 'text', notNull)
      .addColumn('number', 'integer', notNull)
      .addColumn('batch_id', 'text', notNull)
      .addColumn('workflow_id', 'text', notNull)
      .addColumn('run_id', 'text', notNull)
      .addColumn('activity_attempt', 'integer', notNull)
      .addColumn('worker', 'text', notNull)
      .addColumn('started_at', 'text', notNull)
      .addColumn('outcome', 'text')
      .addColumn('ended_at', 'text')
      .addPrimaryKeyConstraint('attempts_pk', ['work', 'job_key', 'effect_key', 'number'])
      .addForeignKeyConstraint('attempts_job', ['work', 'job_key'], 'jobs', ['work', 'job_key'])
      .execute();

    await db.schema
      .createTable('sessions')
      .addColumn('run_key', 'text', notNull)
      .addColumn('attempt', 'integer', notNull)
      .addColumn('work', 'text', notNull)
      .addColumn('job_key', 'text', notNull)
      .addColumn('revision', 'integer', notNull)
      .addColumn('fingerprint', 'text', notNull)
      .addColumn('provider', 'text', notNull)
      .addColumn('state', 'text', stateColumn(SESSION_STATES))
      .addColumn('handle', 'text')
      .addColumn('batch_id', 'text', notNull)
      .addColumn('workflow_id', 'text', notNull)
      .addColumn('run_id', 'text', notNull)
      .addColumn('activity_attempt', 'integer', notNull)
      .addColumn('worker', 'text', notNull)
      .addColumn('opened_at', 'text', notNull)
      .addColumn('intent_seq', 'bigint')
      .addColumn('started_seq', 'bigint')
      .addColumn('attached', 'integer', counter)
      .addColumn('attached_seq', 'bigint')
      .addColumn('attached_batch_id', 'text')
      .addColumn('ended_at', 'text')
      .addColumn('end_seq', 'bigint')
      .addColumn('booked_batch_id', 'text')
      .addColumn('input_tokens', 'bigint', counter)
      .addColumn('output_tokens', 'bigint', counter)
      .addColumn('cached_tokens', 'bigint', counter)
      .addColumn('cost_micros', 'bigint', counter)
      .addColumn('cost_source', 'text')
      .$call(artifact)
      .$call(failed)
      .$call(changed)
      .addPrimaryKeyConstraint('sessions_pk', ['run_key', 'attempt'])
      .addForeignKeyConstraint('sessions_of_job', ['work', 'job_key'], 'jobs', ['work', 'job_key'])
      .execute();
    await db.schema
      .createIndex('sessions_job')
      .on('sessions')
      .columns(['work', 'job_key', 'attempt'])
      .unique()
      .execute();
    await db.schema
      .createIndex('sessions_begun')
      .on('sessions')
      .columns(['batch_id', 'intent_seq', 'started_seq'])
      .execute();
    await db.schema
      .createIndex('sessions_attached')
      .on('sessions')
      .columns(['attached_batch_id', 'attached_seq'])
      .where('attached_batch_id', 'is not', null)
      .execute();
    await db.schema
      .createIndex('sessions_booked')
      .on('sessions')
      .columns(['booked_batch_id', 'end_seq', 'state', 'cost_micros'])
      .where('booked_batch_id', 'is not', null)
      .execute();

    await db.schema
      .createTable('effects')
      .addColumn('effect_key', 'text', (column) => column.primaryKey().notNull())
      .addColumn('work', 'text', notNull)
      .addColumn('job_key', 'text', notNull)
      .addColumn('position', 'integer', notNull)
      .addColumn('name', 'text', notNull)
      .addColumn('target', 'text', notNull)
      .addColumn('use', 'text', notNull)
      .addColumn('revision', 'integer', notNull)
      .addColumn('state', 'text', stateColumn(EFFECT_STATES))
      .addColumn('fence', 'integer', notNull)
      .addColumn('batch_id', 'text', notNull)
      .addColumn('claimed_by', 'text', notNull)
      .addColumn('first_sent_at', 'text')
      .addColumn('attempts', 'integer', notNull)
      .addColumn('sent_sha256', 'text')
      .addColumn('landed_revision', 'integer')
      .$call(failed)
      .$call(changed)
      .addForeignKeyConstraint('effects_job', ['work', 'job_key'], 'jobs', ['work', 'job_key'])
      .execute();
    await db.schema
      .createIndex('effects_of_job')
      .on('effects')
      .columns(['work', 'job_key', 'position'])
      .execute();

    await db.schema
      .createTable('receipts')
      .addColumn('effect_key', 'text', (column) => column.notNull().references('effects.effect_key'))
      .addColumn('revision', 'integer', notNull)
      .addColumn('id', 'text', notNull)
      .addColumn('url', 'text')
      .addColumn('sha256', 'text', notNull)
      .addColumn('landed_at', 'text', notNull)
      .addColumn('adopted', 'integer', (column) => column.notNull().check(sql`adopted in (0, 1)`))
      .addColumn('work', 'text', notNull)
      .addColumn('job_key', 'text', notNull)
      .addColumn('batch_id', 'text', notNull)
      .addColumn('recorded_at', 'text', notNull)
      .addColumn('recorded_by', 'text', notNull)
      .addColumn('recorded_seq', 'bigint', notNull)
      .addPrimaryKeyConstraint('receipts_pk', ['effect_key', 'revision'])
      .execute();
    await db.schema.createIndex('receipts_job').on('receipts').columns(['work', 'job_key']).execute();
    await db.schema
      .createIndex('receipts_batch')
      .on('receipts')
      .columns(['batch_id', 'recorded_seq'])
      .execute();
  },
};

const notNull = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder => column.notNull();

const counter = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder => column.notNull().defaultTo(0);

const stateColumn =
  (states: readonly string[]) =>
  (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder =>
    column
      .notNull()
      .check(sql`state in (${sql.join(states.map((state): RawBuilder<unknown> => sql.lit(state)))})`);

const changed = <T extends string, C extends string>(table: CreateTableBuilder<T, C>) =>
  table
    .addColumn('updated_at', 'text', notNull)
    .addColumn('updated_by', 'text', notNull)
    .addColumn('detail', 'text');

const failed = <T extends string, C extends string>(table: CreateTableBuilder<T, C>) =>
  table.addColumn('error_class', 'text').addColumn('error_message', 'text');

const artifact = <T extends string, C extends string>(table: CreateTableBuilder<T, C>) =>
  table
    .addColumn('artifact_sha256', 'text')
    .addColumn('artifact_bytes', 'bigint')
    .addColumn('artifact_mime', 'text');
