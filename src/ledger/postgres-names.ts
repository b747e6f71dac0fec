/** Names that the PostgreSQL migrations and the driver have to agree on. */

/** Comment on `ledger_migrations`: these tables are a ledger, and not somebody else's that happen to have its names. */
export const LEDGER_MARK = 'nightshift ledger';

/**
 * First half of the advisory lock that all writers of one ledger take; the second is the OID of its schema. Advisory
 * locks are per database already. The number is "nish" in ASCII, unlikely to be another program's.
 */
export const WRITER_LOCK = 0x6e697368;

/** See `postgres-driver.ts`, P3. */
export const WRITERS_TABLE = 'ledger_writers';
