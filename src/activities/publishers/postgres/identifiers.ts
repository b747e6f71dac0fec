/** NAMEDATALEN - 1; the server cuts longer names without a word. Source: postgresql.org/docs, 4.1.1. */
const NAME_BYTES_MAX = 63;

/** What is wrong with a name of the database, in words that go on after it; undefined when nothing is. */
export function identifierFault(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (/\p{Cc}/u.test(name)) return 'has a control character';
  const bytes = Buffer.byteLength(name);
  return bytes > NAME_BYTES_MAX ? `has ${bytes} bytes; PostgreSQL keeps ${NAME_BYTES_MAX}` : undefined;
}

/** The same for `table` or `schema.table`. */
export function tableFault(table: string): string | undefined {
  const parts = table.split('.');
  if (parts.length > 2) return 'has more than one dot; write table or schema.table';
  return parts.map(identifierFault).find((fault) => fault !== undefined);
}

/** A name as SQL takes it exactly: case kept, quotes inside doubled. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const quotedTable = (table: string): string => table.split('.').map(quoted).join('.');
