import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BatchStatus, Nightshift } from '../src/index.js';
import { PREFLIGHT } from '../src/contract/messages.js';
import { batchFileOf } from './batch-file.js';
import { NIGHT_HOURS, minutesIn, minutesMs } from './night.js';
import { NOT_HEARD, type NightEnd, type Places } from './tally.js';

/**
 * A night with the product: its batch file is started (now and then twice), and nobody does anything more. What is not
 * done at the deadline stays so.
 */
export async function nightshiftNight(
  { nightshift, ready }: { readonly nightshift: Nightshift; readonly ready: () => Promise<unknown> },
  folder: string,
  night: number,
  twice: boolean,
  places: Places,
): Promise<NightEnd> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `night-${night}.json.yaml`);
  writeFileSync(file, JSON.stringify(batchFileOf(night, places))); // YAML reads JSON
  const batch = await nightshift.read(file);
  const begun = Date.now();
  const nightMs = minutesMs(NIGHT_HOURS * 60, places.speed);
  const deadline = AbortSignal.timeout(nightMs);
  const errors: string[] = [];
  const states: Record<string, string> = {};
  let failed = false;
  try {
    const starts = await Promise.all((twice ? [1, 2] : [1]).map(() => nightshift.start(batch)));
    const reports = await Promise.all(
      starts.map((started) => nightshift.watch(started, { host: false, signal: deadline })),
    );
    for (const { state, identity, error } of reports[0]?.jobs ?? []) {
      states[identity['slug'] ?? ''] = state;
      if (error) errors.push(`${identity['slug']} ${state}: ${error.class}: ${error.message}`);
    }
  } catch (error) {
    failed = true;
    errors.push(deadline.aborted ? NOT_HEARD : String(error));
    const late = await nightshift.status(batch.definition.name).catch(() => undefined);
    if (late) errors.push(JSON.stringify(late).slice(0, 1500));
    const end = late && clearEnd(late);
    if (end !== undefined) {
      failed = false;
      for (const { identity } of batch.jobs) states[identity['slug'] ?? ''] = end;
    }
    await ready(); // without a worker, this process would host one
    await nightshift.cancel(batch.definition.name, 'past its deadline').catch((reason: unknown) => {
      errors.push(`could not be cancelled: ${String(reason)}`);
    });
  }
  const endedAt = Math.min(Date.now(), begun + nightMs);
  const { speed } = places;
  const minutes = minutesIn(endedAt - begun, speed);
  return { world: 'nightshift', night, begun, endedAt, minutes, speed, failed, errors, states };
}

/** How all jobs of a night stand that nobody has heard the end of, where that is no failure. */
function clearEnd({ batch, counts }: BatchStatus): 'done' | 'waiting' | undefined {
  // No more than the end of its run was not heard of.
  if (counts.done + counts.adopted === counts.jobs) return 'done';
  // It says itself that no job was begun, and what a person has to put right.
  return batch.state === 'incomplete' && batch.stateBy === PREFLIGHT ? 'waiting' : undefined;
}
