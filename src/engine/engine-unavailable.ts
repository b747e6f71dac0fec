/** No Temporal could be found, started or reached. The text says what was tried, why each way failed, and what to do. */
export class EngineUnavailable extends Error {
  override readonly name = 'EngineUnavailable';

  /**
   * @param what  one line: what is missing
   * @param tried one line per way, `way: reason`, in the order they were tried; at least one
   * @param next  one sentence: what the operator can do
   */
  constructor(
    readonly what: string,
    readonly tried: readonly string[],
    readonly next: string,
    options?: ErrorOptions,
  ) {
    super([what, ...tried.map((line) => `  - ${line}`), next].join('\n'), options);
  }
}
