// Who waits for whom when writes go one at a time, and what becomes of them when the database is gone.
import { expect, test } from 'vitest';
import { WriteLane } from '../../src/ledger/write-lane.js';

class Gone extends Error {}
const forOthers = (error: unknown): Error | undefined =>
  error instanceof Gone ? new Error('nothing sent') : undefined;

/** A write that ends when it is told to. */
function aWrite() {
  let settle: (error?: Error) => void = () => undefined;
  const ended = new Promise<string>((resolve, reject) => {
    settle = (error) => (error ? reject(error) : resolve('done'));
  });
  let begun = 0;
  return { act: () => (begun++, ended), end: (error?: Error) => settle(error), begun: () => begun };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('one begins when the one before it has ended, also by an error of its own', async () => {
  const lane = new WriteLane();
  const [first, second] = [aWrite(), aWrite()];
  const ends = [lane.run(first.act, forOthers), lane.run(second.act, forOthers)];
  await turn();
  expect([first.begun(), second.begun()]).toEqual([1, 0]);

  first.end(new Error('stale'));
  await expect(ends[0]).rejects.toThrow('stale');
  await turn();
  expect(second.begun()).toBe(1);
  second.end();
  await expect(ends[1]).resolves.toBe('done');
});

test('those who wait behind one that gave up fail with it; who comes later tries for himself', async () => {
  const lane = new WriteLane();
  const [first, second, third] = [aWrite(), aWrite(), aWrite()];
  const ends = [lane.run(first.act, forOthers), lane.run(second.act, forOthers)];
  await turn();
  first.end(new Gone('no answer'));
  await expect(ends[0]).rejects.toThrow('no answer');
  await expect(ends[1]).rejects.toThrow('nothing sent');
  expect(second.begun()).toBe(0);

  third.end();
  await expect(lane.run(third.act, forOthers)).resolves.toBe('done');
  expect(third.begun()).toBe(1);
});
