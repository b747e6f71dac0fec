import { sql } from 'kysely';
import type { Migration } from '../migrate.js';

/**
 * Who spent what: each session carries its site, model, currency, price table and reservation.
 * Once released it is never edited.
 */
export const costs: Migration = {
  name: '0003-costs',
  async up(db) {
    for (const column of ['site', 'model', 'currency', 'price_table', 'price_date', 'settled_at']) {
      await db.schema.alterTable('sessions').addColumn(column, 'text').execute();
    }
    await db.schema
      .alterTable('sessions')
      .addColumn('reserved_micros', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();

    // Sessions of earlier releases: their cost counted in the currency of the batch that it was booked to.
    await db
      .updateTable('sessions')
      .set({
        settled_at: sql<string | null>`ended_at`,
        currency: sql<string>`coalesce((select b.currency from batches b
          where b.id = coalesce(sessions.booked_batch_id, sessions.batch_id)), 'USD')`,
      })
      .execute();
    const jobs = await db.selectFrom('jobs').select(['work', 'job_key', 'identity']).execute();
    for (const { work, job_key, identity } of jobs) {
      const { site } = JSON.parse(identity) as { readonly site?: string };
      if (site === undefined) continue;
      await db
        .updateTable('sessions')
        .set({ site })
        .where('work', '=', work)
        .where('job_key', '=', job_key)
        .execute();
    }

    // By day, and by site and day; what was never settled by itself was settled when it ended.
    await sql`create index sessions_settled on sessions ((coalesce(settled_at, ended_at)), cost_micros)`.execute(
      db,
    );
    await sql`create index sessions_site on sessions (site, (coalesce(settled_at, ended_at)))
      where site is not null`.execute(db);
    await sql`create index sessions_open on sessions (work, job_key, site, batch_id)
      where ended_at is null`.execute(db);
  },
};
