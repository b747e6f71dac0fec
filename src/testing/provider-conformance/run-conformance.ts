import { PROVIDER_CHECKS, type ProviderRow } from './checks.js';
import { ProviderRig, textOf } from './rig.js';
import type { ProviderSubject } from './subject.js';

export interface ProviderReport {
  readonly subject: string;
  readonly provider: string;
  /** How sure it says that its look-up is. */
  readonly find: string;
  readonly passed: number;
  readonly failed: number;
  readonly rows: readonly ProviderRow[];
  /** Checks that had nothing to try here: the subject lacks what they need. */
  readonly skipped: readonly string[];
}

export interface ProviderConformanceOptions {
  /** Names of checks to run; all of them unless given. */
  readonly only?: readonly string[];
  /** Told of each cell as it ends. */
  readonly onRow?: (row: ProviderRow) => void;
}

/** A place of the subject's own, and what drives a provider in it. */
export async function openProviderRig(
  subject: ProviderSubject,
): Promise<{ readonly rig: ProviderRig; readonly close: () => Promise<void> }> {
  const place = await subject.open();
  try {
    const rig = await ProviderRig.open(place);
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

/** Drives a provider through every check, at a place of its own. Nothing is retried: what fails once has failed. */
export async function runProviderConformance(
  subject: ProviderSubject,
  { only, onRow = () => undefined }: ProviderConformanceOptions = {},
): Promise<ProviderReport> {
  const rows: ProviderRow[] = [];
  const skipped: string[] = [];
  const { rig, close } = await openProviderRig(subject);
  try {
    for (const check of PROVIDER_CHECKS) {
      const { name } = check;
      if (only && !only.includes(name)) continue;
      const before = rows.length;
      for await (const row of orBroken(name, check.run(rig))) {
        rows.push(row);
        onRow(row);
      }
      if (rows.length === before) skipped.push(name);
    }
  } finally {
    await close();
  }
  const failed = rows.filter(({ ok }) => !ok).length;
  const { name, find } = rig.facts;
  return { subject: subject.name, provider: name, find, passed: rows.length - failed, failed, rows, skipped };
}

/** What a verb throws where nothing may be thrown is a finding, and no reason to leave the other checks out. */
async function* orBroken(check: string, rows: AsyncIterable<ProviderRow>): AsyncGenerator<ProviderRow> {
  try {
    yield* rows;
  } catch (error) {
    const note = `it broke off: ${textOf(error)}`;
    yield { check, at: '', ok: false, started: 0, open: 0, ended: '', note };
  }
}
