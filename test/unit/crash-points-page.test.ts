// The page of crash points names every point, and says of each where it really is tried.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CRASH_POINTS, type CrashPoint } from '../../src/activities/crash-points.js';
import { NOT_IN_A_BATCH } from '../support/crash-points.js';

const page = (name: string) =>
  readFileSync(new URL(`../../docs/reference/${name}.md`, import.meta.url), 'utf8');
/** The cells of each line of a table that begins with a point. */
const linesOf = (text: string): string[][] =>
  text.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    return /^[AE]\d+$/.test(cells[1] ?? '') ? [cells.slice(1, -1)] : [];
  });

test('the page of crash points is true: which there are, and where each is tried', () => {
  const lines = linesOf(page('crash-points'));
  expect(Object.fromEntries(lines.map(([point, when]) => [point, when]))).toEqual(CRASH_POINTS);

  const triedAs = (where: string) =>
    lines.flatMap(([point = '', , , tried = '']) => (tried.split(', ').includes(where) ? [point] : []));
  const points = Object.keys(CRASH_POINTS) as CrashPoint[];
  expect(triedAs('batch')).toEqual(points.filter((point) => !NOT_IN_A_BATCH.has(point)));
  const measured = new Set(linesOf(page('effects-matrix')).map(([point]) => point));
  expect(triedAs('each')).toEqual(points.filter((point) => measured.has(point)));
  expect(triedAs('model')).toEqual(['E7']);
  for (const [point, , , tried] of lines) expect(tried, point).not.toBe('');
});
