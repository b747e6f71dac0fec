import { CHECKS } from './checks.js';
import type { Row } from './judge.js';
import { Rig } from './rig.js';
import type { ConformanceSubject } from './subject.js';

export interface ConformanceReport {
  readonly subject: string;
  readonly publisher: string;
  readonly class: 1 | 2 | 3 | 4;
  readonly passed: number;
  readonly failed: number;
  readonly rows: readonly Row[];
  /** Checks that had nothing to try here: the subject lacks what they need. */
  readonly skipped: readonly string[];
}

export interface ConformanceOptions {
  /** Names of checks to run; all of them unless given. */
  readonly only?: readonly string[];
  /** Told of each cell as it ends. */
  readonly onRow?: (row: Row) => void;
}

/** A place of the subject's own, and what drives a publisher in it. */
export async function openRig(
  subject: ConformanceSubject,
): Promise<{ readonly rig: Rig; readonly close: () => Promise<void> }> {
  const place = await subject.open();
  try {
    const rig = await Rig.open(place);
    return {
      rig,
      close: async () => {
        await rig.close();
        await place.close();
      },
    };
  } catch (error) {
    await place.close();
    throw error;
  }
}

/** Drives a publisher through every check, in a place of its own. Nothing is retried: what fails once has failed. */
export async function runConformance(
  subject: ConformanceSubject,
  { only, onRow = () => undefined }: ConformanceOptions = {},
): Promise<ConformanceReport> {
  const rows: Row[] = [];
  const skipped: string[] = [];
  const { rig, close } = await openRig(subject);
  try {
    for (const check of CHECKS) {
      if (only && !only.includes(check.name)) continue;
      const before = rows.length;
      for await (const row of check.run(rig)) {
        rows.push(row);
        onRow(row);
      }
      if (rows.length === before) skipped.push(check.name);
    }
  } finally {
    await close();
  }
  const failed = rows.filter(({ ok }) => !ok).length;
  const { name, class: of } = rig.facts;
  return {
    subject: subject.name,
    publisher: name,
    class: of,
    passed: rows.length - failed,
    failed,
    rows,
    skipped,
  };
}
