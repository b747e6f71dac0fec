/** Runs `act` for each item, at most `max` at a time, in order of arrival. Rejects with the first error. */
export async function eachAtOnce<T>(
  items: AsyncIterable<T> | Iterable<T>,
  max: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let turn: Promise<unknown> = Promise.resolve();
  const lane = async () => {
    for (;;) {
      // An iterator is asked by one lane at a time.
      const next = turn.then(() => iterator.next());
      turn = next.catch(() => undefined);
      const { done, value } = (await next) as IteratorResult<T, undefined>;
      if (done === true) return;
      await act(value);
    }
  };
  await Promise.all(Array.from({ length: max }, lane));
}
