/**
 * Tidies up on the way of an error that matters more. What is left where this fails costs nothing and is removed by
 * the service's own retention.
 * @returns whether it is done
 */
export const quietly = (tidying: Promise<unknown>): Promise<boolean> =>
  tidying.then(
    () => true,
    () => false,
  );
