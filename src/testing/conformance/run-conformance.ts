import { openAtPlace, runChecks, type CheckOptions, type CheckResults } from '../run-checks.js';
import { CHECKS } from './checks.js';
import type { Row } from './judge.js';
import { Rig } from './rig.js';
import type { ConformanceSubject } from './subject.js';

export interface ConformanceReport extends CheckResults<Row> {
  readonly subject: string;
  readonly publisher: string;
  readonly class: 1 | 2 | 3 | 4;
}

export type ConformanceOptions = CheckOptions<Row>;

/** A place of the subject's own, and what drives a publisher in it. */
export const openRig = (
  subject: ConformanceSubject,
): Promise<{ readonly rig: Rig; readonly close: () => Promise<void> }> =>
  openAtPlace(subject, (place) => Rig.open(place));

/** Drives a publisher through every check, in a place of its own. Nothing is retried: what fails once has failed. */
export async function runConformance(
  subject: ConformanceSubject,
  options: ConformanceOptions = {},
): Promise<ConformanceReport> {
  const { rig, close } = await openRig(subject);
  try {
    const results = await runChecks(CHECKS, rig, options);
    return { subject: subject.name, publisher: rig.facts.name, class: rig.facts.class, ...results };
  } finally {
    await close();
  }
}
