import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../../src/testing/conformance/index.js';

/** Keeps what was measured for `scripts/write-matrix.mjs`, where a folder for it is named. */
export function keepRows(subject: string, rows: readonly Row[]): void {
  const folder = process.env['NIGHTSHIFT_MATRIX'];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${subject}.json`), JSON.stringify({ subject, rows }));
}
