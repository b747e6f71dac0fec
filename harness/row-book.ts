import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from './night.js';
import type { NightRow } from './tally.js';

/**
 * The rows of the nights that are over; in a folder, where one is given. A run that was stopped goes on there with the
 * nights that are left, and carriers that were run one at a time come together.
 */
export class RowBook {
  private readonly rows: NightRow[];

  constructor(
    private readonly seed: string,
    private readonly folder: string | undefined,
  ) {
    this.rows = folder === undefined ? [] : readRows(join(folder, this.name));
  }

  private get name(): string {
    return `nights-${this.seed}.jsonl`;
  }

  /** @param logs  by file name: what the destination shows */
  add(rows: readonly NightRow[], logs: Readonly<Record<string, unknown>>): void {
    this.rows.push(...rows);
    if (this.folder === undefined) return;
    mkdirSync(this.folder, { recursive: true });
    for (const [name, log] of Object.entries(logs))
      writeFileSync(join(this.folder, name), JSON.stringify(log));
    appendFileSync(join(this.folder, this.name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  }

  of(nights: readonly number[]): NightRow[] {
    const asked = new Set(nights);
    return this.rows.filter(({ night }) => asked.has(night));
  }

  without(world: World, nights: readonly number[]): number[] {
    const over = new Set(this.rows.filter((row) => row.world === world).map(({ night }) => night));
    return nights.filter((night) => !over.has(night));
  }
}

const readRows = (file: string): NightRow[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as NightRow)
    : [];
