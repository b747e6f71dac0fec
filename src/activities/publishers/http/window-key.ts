/** Destinations that remember a key for a while: which key is sent, and for how long it may be sent again. */

const MARGIN_MAX_MS = 3_600_000;

/**
 * The key of one request. The same for every try; another one for each revision, because a key with another body is
 * an error there, and for each step of effects that need several requests.
 */
export const windowKey = (effectKey: string, revision: number, step?: string): string =>
  `${effectKey}-r${revision}${step === undefined ? '' : `-${step}`}`;

/**
 * How long after its first use a key may be sent again. The margin, a tenth of the window and an hour at most, covers
 * clocks that differ; a request that leaves at the last moment must still arrive in time.
 * @returns milliseconds, below 0 where the window is too short to be of use
 */
export const safeWindowMs = (windowMs: number, timeoutMs: number): number =>
  Math.floor(windowMs - Math.max(timeoutMs, Math.min(MARGIN_MAX_MS, windowMs / 10)));

interface Keyed<Answer, Found> {
  readonly key: string;
  readonly send: (key: string) => Promise<Answer>;
  /** True for an answer of no use that the destination keeps repeating for this key, whatever happened at first. */
  readonly isStoredError: (answer: Answer) => boolean | Promise<boolean>;
  /** What is there; undefined where that is provably nothing. */
  readonly find: () => Promise<Found | undefined>;
}

/**
 * Sends a request under its key. A stored error is final for a key, so where the destination proves that nothing is
 * there, the key's one other form is used; where something is there, that is the outcome.
 */
export async function sendUnderKey<Answer, Found>({
  key,
  send,
  isStoredError,
  find,
}: Keyed<Answer, Found>): Promise<{ readonly answer: Answer } | { readonly found: Found }> {
  const answer = await send(key);
  if (!(await isStoredError(answer))) return { answer };
  const found = await find();
  return found === undefined ? { answer: await send(`${key}-b`) } : { found };
}
