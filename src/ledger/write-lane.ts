/**
 * Lets writes through one at a time, in the order in which they were asked for. When one gave up, those that were
 * waiting behind it fail with it: each with a patience of its own, the last would wait for hours.
 */
export class WriteLane {
  #last: Promise<unknown> = Promise.resolve();
  #gaveUp: { readonly atMs: number; readonly error: Error } | undefined;

  /** @param forOthers what an error means to those in line; undefined where it is nobody else's */
  async run<T>(act: () => Promise<T>, forOthers: (error: unknown) => Error | undefined): Promise<T> {
    const calledAtMs = performance.now();
    const turn = this.#last.then(async () => {
      if (this.#gaveUp !== undefined && calledAtMs < this.#gaveUp.atMs) throw this.#gaveUp.error;
      try {
        return await act();
      } catch (error) {
        const theirs = forOthers(error);
        if (theirs !== undefined) this.#gaveUp = { atMs: performance.now(), error: theirs };
        throw error;
      }
    });
    this.#last = turn.catch(() => undefined); // whoever asked for it has its error
    return turn;
  }
}
