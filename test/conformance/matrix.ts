import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../../src/testing/conformance/index.js';

const PAGE = new URL('../../docs/reference/effects-matrix.md', import.meta.url);

/** Folder for what is measured, read by `scripts/write-matrix.mjs`; the page is about to change then. */
const MEASURED = process.env['NIGHTSHIFT_MATRIX'];
export const isMeasuring = MEASURED !== undefined;

/** What checks have shown at one destination: by the line of the matrix, what stands in the destination's column. */
export type Cells = Readonly<Record<string, string>>;

/** Checks with a table of their own: a line for each crash point, or kind of fault. The others have one line each. */
const TABLES: ReadonlySet<string> = new Set(['crash', 'kill', 'lost-answer']);

export function cellsOf(check: string, rows: readonly Row[]): Cells {
  const lines = new Map<string, Row[]>();
  for (const row of rows) {
    const line = lineOf(check, row);
    lines.set(line, [...(lines.get(line) ?? []), row]);
  }
  return Object.fromEntries([...lines].map(([line, its]) => [line, textOf(check, its)]));
}

function lineOf(check: string, { check: kind, at }: Row): string {
  if (!TABLES.has(check)) return check;
  return check === 'lost-answer' ? kind : at.replace(', ledger lost', '');
}

function textOf(check: string, rows: readonly Row[]): string {
  const failed = rows.filter(({ ok }) => !ok).length;
  if (failed > 0) return `**${failed} of ${rows.length} failed**`;
  // Which of those who try at once comes first is not for the page to say.
  const held = check === 'race' ? 0 : rows.filter(({ ended }) => ended === 'held').length;
  return `${rows.length}${held > 0 ? ` (${held} held)` : ''}`;
}

/** What the page says of a check at a destination. */
export function cellsOnPage(destination: string, check: string): Cells {
  const title = TABLES.has(check) ? `\`${check}\`` : 'Other checks';
  const section = readFileSync(PAGE, 'utf8')
    .split(/^## /m)
    .find((part) => part.startsWith(title));
  const [head = [], , ...lines] = (section ?? '')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const column = head.indexOf(destination);
  const cells = lines.map((line) => [line[1] ?? '', line[column] ?? ''] as const);
  return Object.fromEntries(
    cells.filter(([line, text]) => text !== '' && (TABLES.has(check) || line === check)),
  );
}

/** Keeps what was measured, where a folder for it is named. */
export function keepMeasured(destination: string, checks: ReadonlyMap<string, readonly Row[]>): void {
  if (MEASURED === undefined) return;
  mkdirSync(MEASURED, { recursive: true });
  const tables: Record<string, Cells> = {};
  for (const [check, rows] of checks) {
    const table = TABLES.has(check) ? check : 'other';
    tables[table] = { ...tables[table], ...cellsOf(check, rows) };
  }
  const measured = { destination, tables, rows: [...checks.values()].flat() };
  writeFileSync(join(MEASURED, `${destination}.json`), JSON.stringify(measured));
}
