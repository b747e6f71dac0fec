/** What something thrown says: not all that is thrown is an Error. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The short name that the operating system, or a database, has for an error, such as `ENOENT`. */
export const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
