import { openAtPlace, runChecks, type CheckOptions, type CheckResults } from '../run-checks.js';
import { PROVIDER_CHECKS, type ProviderCheck, type ProviderRow } from './checks.js';
import { ProviderRig, textOf } from './rig.js';
import type { ProviderSubject } from './subject.js';

export interface ProviderReport extends CheckResults<ProviderRow> {
  readonly subject: string;
  readonly provider: string;
  /** How sure it says that its look-up is. */
  readonly find: string;
}

export type ProviderConformanceOptions = CheckOptions<ProviderRow>;

/** A place of the subject's own, and what drives a provider in it. */
export const openProviderRig = (
  subject: ProviderSubject,
): Promise<{ readonly rig: ProviderRig; readonly close: () => Promise<void> }> =>
  openAtPlace(subject, (place) => ProviderRig.open(place));

/** Drives a provider through every check, at a place of its own. Nothing is retried: what fails once has failed. */
export async function runProviderConformance(
  subject: ProviderSubject,
  options: ProviderConformanceOptions = {},
): Promise<ProviderReport> {
  const { rig, close } = await openProviderRig(subject);
  try {
    const results = await runChecks(PROVIDER_CHECKS.map(unbroken), rig, options);
    return { subject: subject.name, provider: rig.facts.name, find: rig.facts.find, ...results };
  } finally {
    await close();
  }
}

/** What a verb throws where nothing may be thrown is a finding, and no reason to leave the other checks out. */
const unbroken = (check: ProviderCheck): ProviderCheck => ({
  name: check.name,
  async *run(rig) {
    try {
      yield* check.run(rig);
    } catch (error) {
      const note = `it broke off: ${textOf(error)}`;
      yield { check: check.name, at: '', ok: false, started: 0, open: 0, ended: '', note };
    }
  },
});
