/**
 * What migrations for PostgreSQL are written with: the triggers that SQLite has, as PL/pgSQL. Messages are those of the
 * SQLite triggers. A statement of these is run when the tables of its migration exist.
 */

/** Functions that the other generators of this file rely on; part of the first migration. */
export const commonFunctions: readonly string[] = [
  functionOf('ledger_refuse', `raise exception '%: % is not allowed', tg_table_name, lower(tg_op);`),
  functionOf('ledger_illegal', `raise exception 'illegal % transition', tg_argv[0];`),
];

/** A trigger function. It finds tables in the ledger's own schema, whatever the search path of who fires it. */
export function functionOf(name: string, body: string, declare = ''): string {
  return `create function ${name}() returns trigger language plpgsql set search_path from current as $$
    ${declare === '' ? '' : `declare ${declare}`}
    begin
      ${body}
    end $$`;
}

/** A state changes only as listed. */
export function legalOnly(
  table: string,
  kind: string,
  transitions: Readonly<Record<string, readonly string[]>>,
): string[] {
  const pairs = Object.entries(transitions).flatMap(([from, tos]) => tos.map((to) => `('${from}', '${to}')`));
  return [
    `create trigger ${table}_legal before update on ${table} for each row
      when (old.state <> new.state and (old.state, new.state) not in (${pairs.join(', ')}))
      execute function ledger_illegal('${kind}')`,
  ];
}

/** Rows never change, or are never deleted; emptying the table at once counts as deleting. */
export function never(table: string, acts: readonly ('update' | 'delete')[]): string[] {
  const triggers = acts.map(
    (act) => `create trigger ${table}_no_${act} before ${act} on ${table} for each row
      execute function ledger_refuse()`,
  );
  if (!acts.includes('delete')) return triggers;
  return [
    ...triggers,
    `create trigger ${table}_no_truncate before truncate on ${table} for each statement
      execute function ledger_refuse()`,
  ];
}

export interface Chronicle {
  /** Expression that names the row to people. */
  readonly subject: string;
  /** Expressions for `work, job_key, batch_id`. */
  readonly place: string;
  readonly fires: string;
  readonly when: string;
  /** Statement that may use `written`, the sequence number just given. */
  readonly then?: string;
}

/** Each new row and each change of state is a row of `history`, in the same transaction. */
export function chronicle(table: string, kind: string, chronicled: Chronicle): string[] {
  const { subject, place, fires, when, then } = chronicled;
  const name = `${table}_chronicle`;
  return [
    functionOf(
      name,
      `insert into history (at, kind, subject, from_state, to_state, written_by, detail, work, job_key, batch_id)
        values (new.updated_at, '${kind}', ${subject}, case tg_op when 'UPDATE' then old.state end, new.state,
          new.updated_by, new.detail, ${place})
        returning seq into written;
      ${then === undefined ? '' : `${then};`}
      return null;`,
      'written bigint;',
    ),
    `create trigger ${table}_insert_history after insert on ${table} for each row execute function ${name}()`,
    `create trigger ${table}_update_history after ${fires} on ${table} for each row when (${when})
      execute function ${name}()`,
  ];
}
