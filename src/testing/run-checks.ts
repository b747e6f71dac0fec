interface Closable {
  close(): Promise<void>;
}

interface Check<Rig, Row> {
  readonly name: string;
  run(rig: Rig): AsyncIterable<Row> | Iterable<Row>;
}

export interface CheckOptions<Row> {
  /** Names of checks to run; all of them unless given. */
  readonly only?: readonly string[];
  /** Told of each cell as it ends. */
  readonly onRow?: (row: Row) => void;
}

export interface CheckResults<Row> {
  readonly passed: number;
  readonly failed: number;
  readonly rows: readonly Row[];
  /** Checks that had nothing to try here: the subject lacks what they need. */
  readonly skipped: readonly string[];
}

/** A place of the subject's own, and what drives an adapter in it; both are closed together. */
export async function openAtPlace<Place extends Closable, Rig extends Closable>(
  subject: { open(): Promise<Place> },
  openRig: (place: Place) => Promise<Rig>,
): Promise<{ readonly rig: Rig; readonly close: () => Promise<void> }> {
  const place = await subject.open();
  try {
    const rig = await openRig(place);
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

/** Runs one check after another. Nothing is retried: what fails once has failed. */
export async function runChecks<Rig, Row extends { readonly ok: boolean }>(
  checks: readonly Check<Rig, Row>[],
  rig: Rig,
  { only, onRow = () => undefined }: CheckOptions<Row>,
): Promise<CheckResults<Row>> {
  const rows: Row[] = [];
  const skipped: string[] = [];
  for (const check of checks) {
    if (only && !only.includes(check.name)) continue;
    const before = rows.length;
    for await (const row of check.run(rig)) {
      rows.push(row);
      onRow(row);
    }
    if (rows.length === before) skipped.push(check.name);
  }
  const failed = rows.filter(({ ok }) => !ok).length;
  return { passed: rows.length - failed, failed, rows, skipped };
}
