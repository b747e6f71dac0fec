/** What something thrown says: not all that is thrown is an Error. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The short name that the operating system, or a database, has for an error, such as `ENOENT`. */
export const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** UNAVAILABLE and DEADLINE_EXCEEDED of gRPC, wherever in the chain; the native core's error of the same meaning. */
export function isConnectionError(error: Error): boolean {
  if (error.name === 'TransportError' || error.message === NOT_CONNECTED) return true;
  const code = grpcCode(error);
  if (code === 14 || code === 4) return true;
  return error.cause instanceof Error && isConnectionError(error.cause);
}

/** All that @grpc/grpc-js says where a connection was not made in time: `waitForReady` has no code for it. */
const NOT_CONNECTED = 'Failed to connect before the deadline';

/** The status of a call by gRPC. */
export const grpcCode = (error: Error): number | undefined =>
  'code' in error && typeof error.code === 'number' ? error.code : undefined;
