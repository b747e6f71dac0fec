import { existsSync } from 'node:fs';
import { readSchedules } from '../../batch/read-schedules.js';
import { AdapterError } from '../../contract/errors.js';
import type { ScheduleDefinition } from '../../contract/schedules-file.js';
import { DAY_MS } from '../../contract/units.js';
import { fireTimes, nextFire } from '../../policy/fire-times.js';
import { nightOf } from '../../policy/nights.js';
import { seenNights, type SeenNight } from '../../policy/seen-nights.js';
import type { Connections } from '../connections.js';
import { editionNote } from './edition-notes.js';
import { allSchedules, schedule, type EngineSchedule } from './find.js';

/** A night as people are shown it: what was said of it last, and how its batch stands. */
export interface NightView extends SeenNight {
  /** How its batch stands now, where one serves it. */
  readonly batchState?: string;
}

export interface ScheduleView {
  readonly name: string;
  readonly definition: ScheduleDefinition;
  readonly paused: boolean;
  /** Who paused it, and why. */
  readonly note: string;
  /** ISO 8601. */
  readonly next: string | undefined;
  /** Newest last. */
  readonly nights: readonly NightView[];
  /** The engine's own figures since the schedule was made. */
  readonly engine: { readonly started: number; readonly missed: number };
}

const NIGHTS_MAX = 30;

export async function listSchedules(connections: Connections): Promise<readonly ScheduleView[]> {
  const found = await allSchedules(connections);
  return Promise.all(found.map((each) => viewOf(each, connections)));
}

export const seeSchedule = async (name: string, connections: Connections): Promise<ScheduleView> =>
  viewOf(await schedule(name, connections), connections);

async function viewOf(
  { definition, description }: EngineSchedule,
  connections: Connections,
): Promise<ScheduleView> {
  const ledger = await connections.ledger();
  const { paused, note } = description.state;
  const rows = await ledger.scheduledNights({ schedule: definition.name });
  const now = new Date();
  const nights = seenNights(definition, rows, now, paused).slice(-NIGHTS_MAX);
  const withStates = await Promise.all(
    nights.map(async (night): Promise<NightView> => {
      const batch = night.batchId === undefined ? undefined : await ledger.batch(night.batchId);
      return batch ? { ...night, batchState: batch.state } : night;
    }),
  );
  return {
    name: definition.name,
    definition,
    paused,
    note: note ?? '',
    next: nextFire(definition, now)?.toISOString(),
    nights: withStates,
    engine: {
      started: description.info.numActionsTaken,
      missed: description.info.numActionsMissedCatchupWindow,
    },
  };
}

/** One time that a schedule is due. */
export interface Fire {
  readonly schedule: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** As the clock of its own time zone shows it. */
  readonly local: string;
  readonly timeZone: string;
  /** Other schedules that are due in the same minute, and of which none waits for the other. */
  readonly collides: readonly string[];
}

export interface Preview {
  readonly from: string;
  readonly to: string;
  readonly schedules: readonly string[];
  /** Those of them that are applied and that the file does not have; none without a file. */
  readonly beside: readonly string[];
  /** Why nobody knows what is applied beside the file, where the ledger can't be read. */
  readonly besideUnknown?: string;
  readonly fires: readonly Fire[];
  /** Batch files that are not there, as this host sees it; what is applied beside a file may be of another. */
  readonly missing: readonly { readonly schedule: string; readonly batch: string }[];
  /** What is allowed, and is seldom meant. */
  readonly notes: readonly { readonly schedule: string; readonly text: string }[];
}

/**
 * The times to come of all that is not paused: of the schedules at the engine; or of a file, and of what is applied beside
 * it, which the ledger knows, so that no engine is needed.
 */
export async function previewSchedules(
  connections: Connections,
  { file, days = 7, from = new Date() }: { file?: string; days?: number; from?: Date } = {},
): Promise<Preview> {
  const inFile = file === undefined ? [] : (await readSchedules(file)).schedules;
  const applied = file === undefined ? { beside: [] } : await appliedBeside(inFile, connections);
  const { beside } = applied;
  const besideNames = beside.map(({ name }) => name);
  const due =
    file === undefined
      ? (await allSchedules(connections))
          .filter(({ description }) => !description.state.paused)
          .map(({ definition }) => definition)
      : [...inFile.filter(({ paused }) => !paused), ...beside];
  const to = new Date(from.getTime() + days * DAY_MS);
  const fires = due
    .flatMap((each) =>
      fireTimes(each, from, to).map((at) => ({
        schedule: each.name,
        at: at.toISOString(),
        local: nightOf(at, each.timeZone).replace('T', ' '),
        timeZone: each.timeZone,
      })),
    )
    .sort((a, b) => a.at.localeCompare(b.at) || a.schedule.localeCompare(b.schedule));
  const notes: { schedule: string; text: string }[] = [];
  for (const each of due) {
    const text = await editionNote(each, from);
    if (text !== undefined) notes.push({ schedule: each.name, text });
  }
  const together = new Map<string, string[]>();
  for (const { at, schedule } of fires) together.set(at, [...(together.get(at) ?? []), schedule]);
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    schedules: due.map(({ name }) => name),
    ...applied,
    beside: besideNames,
    fires: fires.map((fire) => ({
      ...fire,
      collides: (together.get(fire.at) ?? []).filter(
        (name) =>
          name !== fire.schedule &&
          !comesAfter(name, fire.schedule, due) &&
          !comesAfter(fire.schedule, name, due),
      ),
    })),
    missing: due
      .filter(({ name, batch }) => !besideNames.includes(name) && !existsSync(batch))
      .map(({ name, batch }) => ({ schedule: name, batch })),
    notes,
  };
}

/** Their nights come as well: applying a file leaves alone what it does not have. */
async function appliedBeside(
  inFile: readonly Pick<ScheduleDefinition, 'name'>[],
  connections: Connections,
): Promise<{ readonly beside: readonly ScheduleDefinition[]; readonly besideUnknown?: string }> {
  const names = new Set(inFile.map(({ name }) => name));
  try {
    const kept = (await (await connections.ledger()).keptSchedules()).filter(
      ({ definition, paused }) => !paused && !names.has(definition.name),
    );
    return { beside: kept.map(({ definition }) => definition) };
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    return { beside: [], besideUnknown: error.message }; // the file is a file all the same
  }
}

type Due = Pick<ScheduleDefinition, 'name' | 'after'>;

/** Whether one schedule waits for another, over any number of steps. */
function comesAfter(name: string, other: string, all: readonly Due[]): boolean {
  const seen = new Set<string>(); // schedules of several files may wait in a circle
  for (let at: string | undefined = name; at !== undefined && !seen.has(at);) {
    seen.add(at);
    const waits: string = at;
    at = all.find((each) => each.name === waits)?.after?.schedule;
    if (at === other) return true;
  }
  return false;
}
