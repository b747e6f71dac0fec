// How much was under way at once, as the morning report draws it.
import { expect, test } from 'vitest';
import type { Beat } from '../../src/ledger/report-rows.js';
import { binsOf } from '../../src/report/morning/timeline.js';

const FROM = Date.parse('2026-11-24T02:00:00Z');
const SECOND = 1000;
const at = (seconds: number): string => new Date(FROM + seconds * SECOND).toISOString().slice(0, 19);
const beat = (seconds: number, what: Beat['what'], count = 1): Beat => ({ second: at(seconds), what, count });
const busyIn = (beats: readonly Beat[], seconds: number) =>
  binsOf(beats, FROM, FROM + seconds * SECOND).bins.map(({ busy }) => busy);

test('jobs that are done one after another are one at once, however long a piece of the time is', () => {
  const beats = Array.from({ length: 600 }, (_, job) => [beat(job * 2, 'begun'), beat(job * 2 + 1, 'good')]);
  expect(new Set(busyIn(beats.flat(), 1200))).toEqual(new Set([1]));
});

test('one that begins as another ends takes its place', () => {
  const beats = [beat(0, 'begun'), beat(1, 'good'), beat(1, 'begun'), beat(2, 'bad')];
  expect(busyIn(beats, 4)).toEqual([1, 1, 1, 0]);
});

test('what is under way for long is counted all the time, and what is over within a second is seen', () => {
  const beats = [beat(0, 'begun', 3), beat(3, 'good', 3), beat(5, 'begun'), beat(5, 'good')];
  expect(busyIn(beats, 7)).toEqual([3, 3, 3, 3, 0, 1, 0]);
});

test('a session of a run before this one is under way from the beginning', () => {
  expect(busyIn([beat(-60, 'begun'), beat(1, 'good')], 3)).toEqual([1, 1, 0]);
});

test('beats in any order come to the same', () => {
  const beats = [beat(0, 'begun', 2), beat(1, 'good'), beat(1, 'begun'), beat(2, 'good', 2)];
  expect(busyIn([...beats].reverse(), 3)).toEqual(busyIn(beats, 3));
});
