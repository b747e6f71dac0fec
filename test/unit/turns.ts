/** Turns of the event loop until something has come to its end, whatever that is. */
export async function turnsUntil(end: Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const over = (): void => void (isOver = true);
  end.then(over, over);
  while (!isOver) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    turns++;
  }
  return turns;
}
