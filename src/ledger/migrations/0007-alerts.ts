import type { Migration } from '../migrate.js';

/** Alerts, and the messages that tell of them. Once released it is never edited. */
export const alerts: Migration = {
  name: '0007-alerts',
  async up(db) {
    await db.schema
      .createTable('alerts')
      .addColumn('fingerprint', 'text', (column) => column.primaryKey().notNull())
      .addColumn('batch_name', 'text', (column) => column.notNull())
      .addColumn('batch_id', 'text', (column) => column.notNull())
      .addColumn('rule', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('error_class', 'text')
      .addColumn('state', 'text', (column) => column.notNull())
      // Opened so often; part of the id of each message.
      .addColumn('episode', 'integer', (column) => column.notNull())
      .addColumn('detail', 'text', (column) => column.notNull())
      .addColumn('definition', 'text')
      .addColumn('first_seen', 'text', (column) => column.notNull())
      .addColumn('last_seen', 'text', (column) => column.notNull())
      .addColumn('resolved_at', 'text')
      .addColumn('notified_at', 'text')
      .addColumn('reminders', 'integer', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('alerts_open').on('alerts').columns(['state', 'batch_name']).execute();

    await db.schema
      .createTable('alert_messages')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('message_id', 'text', (column) => column.notNull())
      // Null: a ping of a dead-man monitor.
      .addColumn('fingerprint', 'text')
      .addColumn('batch_name', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('route', 'text', (column) => column.notNull())
      .addColumn('definition', 'text', (column) => column.notNull())
      .addColumn('body', 'text')
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('tries', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('due_at', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'text', (column) => column.notNull())
      .addColumn('lease_until', 'text')
      .addColumn('ended_at', 'text')
      .addColumn('answers', 'text')
      .execute();
    await db.schema
      .createIndex('alert_messages_due')
      .on('alert_messages')
      .columns(['state', 'due_at'])
      .execute();
  },
};
