import { sql, type SqlBool } from 'kysely';

/** Whether what landed last of the effect `e` was taken back by us: it has a receipt, and is not out there. */
export const isTakenBack = sql<SqlBool>`exists (select 1 from effects as u
  where u.undoes = e.effect_key and u.landed_revision >= e.landed_revision)`;
