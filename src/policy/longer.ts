/** The longest wait for something that comes free without a word: a place, or room in a budget. */
const MOST_MS = 60_000;

/** Doubles with each wait in a row, up to a minute: who waits all night asks seldom. @param waits how many came before */
export const longer = (firstMs: number, waits: number): number =>
  Math.min(Math.max(MOST_MS, firstMs), firstMs * 2 ** Math.min(waits, 20));
