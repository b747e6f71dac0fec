import type { Selectable } from 'kysely';
import { scheduleDefinitionSchema } from '../contract/schedules-file.js';
import type { KeptSchedule, Ledger } from './ledger.js';
import type { SchedulesTable } from './schema.js';
import type { Store } from './store.js';

type KeptSchedules = Pick<Ledger, 'keepSchedule' | 'markSchedulePaused' | 'forgetSchedule' | 'keptSchedules'>;

export const keptSchedules = (store: Store): KeptSchedules => ({
  keepSchedule: ({ definition, batchName, channels, paused }) =>
    store.write(async (db) => {
      const row = {
        batch_name: batchName,
        definition: JSON.stringify(definition),
        channels,
        paused: paused ? 1 : 0,
        updated_at: store.now(),
      };
      await db
        .insertInto('schedules')
        .values({ name: definition.name, ...row })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
        .execute();
    }),

  markSchedulePaused: (name, paused) =>
    store.write(async (db) => {
      await db
        .updateTable('schedules')
        .set({ paused: paused ? 1 : 0, updated_at: store.now() })
        .where('name', '=', name)
        .execute();
    }),

  forgetSchedule: (name) =>
    store.write(async (db) => {
      await db.deleteFrom('schedules').where('name', '=', name).execute();
    }),

  async keptSchedules() {
    const rows = await store.db.selectFrom('schedules').selectAll().orderBy('name').execute();
    return rows.map(keptSchedule);
  },
});

const keptSchedule = ({
  batch_name,
  definition,
  channels,
  paused,
}: Selectable<SchedulesTable>): KeptSchedule => ({
  definition: scheduleDefinitionSchema.parse(JSON.parse(definition)),
  batchName: batch_name,
  channels,
  paused: paused === 1,
});
