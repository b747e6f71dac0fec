/**
 * Tidies up on the way of an error that matters more. What is left where this fails costs nothing and is removed by
 * the service's own retention.
 */
export const quietly = (tidying: Promise<unknown>): Promise<unknown> => tidying.catch(() => undefined);
