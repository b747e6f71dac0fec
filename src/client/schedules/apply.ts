import type { ScheduleHandle } from '@temporalio/client';
import { storedDefinition } from '../../batch/manifest.js';
import { readBatch } from '../../batch/read-batch.js';
import { readSchedules, type SchedulesRead, type WantedSchedule } from '../../batch/read-schedules.js';
import type { Definition } from '../../contract/batch-file.js';
import { InvalidBatch, NothingToDo, type Problem } from '../../contract/errors.js';
import type { ScheduleDefinition } from '../../contract/schedules-file.js';
import { nextFire } from '../../policy/fire-times.js';
import { editionOf } from '../../policy/nights.js';
import { auditedAbout, reasonAbout } from '../audited.js';
import type { Connections } from '../connections.js';
import { preflight } from '../preflight.js';
import { editionNote } from './edition-notes.js';
import { fileName, fileWords } from './file-words.js';
import { hasPresentTimes, optionsOf } from './engine-schedule.js';
import { allSchedules, findSchedule, type EngineSchedule } from './find.js';
import { forget, noteUnsaid } from './pause.js';

/** `keep`: no longer in the file, and stays because deleting was not asked for. */
export interface ScheduleChange {
  readonly name: string;
  readonly action: 'create' | 'update' | 'delete' | 'keep' | 'none';
  /** `overlap: skip -> queue`, one for each field that differs; of a new one, that it stays paused. */
  readonly differences: readonly string[];
  /** What is allowed, and is seldom meant. */
  readonly notes: readonly string[];
}

type Change = Omit<ScheduleChange, 'notes'>;

export interface ApplyOptions {
  /** Delete what the same file declared before and no longer does. */
  readonly remove?: boolean;
  /** Only say what would change. */
  readonly dryRun?: boolean;
  /** Why; kept with the request. */
  readonly reason?: string;
}

/**
 * Makes the engine's schedules as a file says. Those of other files, and all that is not nightshift's, are left alone.
 * @throws InvalidBatch for problems of the file, or of a batch file that it names; nothing was changed then
 */
export async function applySchedules(
  file: string,
  connections: Connections,
  { remove = false, dryRun = false, reason }: ApplyOptions = {},
): Promise<readonly ScheduleChange[]> {
  if (dryRun) return apply(file, connections, { remove, dryRun });
  return auditedAbout(
    'apply-schedules',
    file,
    connections,
    reason,
    () => apply(file, connections, { remove, dryRun }),
    (changes) => ({ outcome: 'done', reason: reasonAbout(`${file} (${changesText(changes)})`, reason) }),
  );
}

const changesText = (changes: readonly ScheduleChange[]): string =>
  changes
    .filter(({ action }) => action !== 'none' && action !== 'keep')
    .map(({ name, action }) => `${action} ${name}`)
    .join(', ') || 'nothing to change';

async function apply(
  file: string,
  connections: Connections,
  { remove, dryRun }: Required<Omit<ApplyOptions, 'reason'>>,
): Promise<readonly ScheduleChange[]> {
  const read = await readSchedules(file);
  const batches = await checkBatches(read, file, connections);
  const changes: ScheduleChange[] = [];
  for (const wanted of read.schedules) {
    const present = await findSchedule(wanted.name, connections);
    const change = present
      ? await update(present, wanted, connections, dryRun)
      : await create(wanted, connections, dryRun);
    const note = await editionNote(wanted, new Date());
    changes.push({ ...change, notes: note === undefined ? [] : [note] });
    if (!dryRun) await keep(wanted.name, batches, connections);
  }
  const names = new Set(read.schedules.map(({ name }) => name));
  for (const { name, handle } of await noLongerIn(read.path, names, connections)) {
    if (remove && !dryRun) {
      await handle?.delete();
      await forget(name, connections);
    }
    changes.push({ name, action: remove ? 'delete' : 'keep', differences: [], notes: [] });
  }
  return changes;
}

/** What a file declared before: at the engine, or in the ledger alone where the engine has lost it. */
async function noLongerIn(
  path: string,
  names: ReadonlySet<string>,
  connections: Connections,
): Promise<readonly { readonly name: string; readonly handle: ScheduleHandle | undefined }[]> {
  const applied = await allSchedules(connections);
  const known = new Set([...names, ...applied.map(({ definition }) => definition.name)]);
  const left: { name: string; handle: ScheduleHandle | undefined }[] = applied
    .filter(({ definition }) => definition.from === path && !names.has(definition.name))
    .map(({ definition, handle }) => ({ name: definition.name, handle }));
  for (const { definition } of await (await connections.ledger()).keptSchedules()) {
    const { name, from } = definition;
    if (from !== path || known.has(name)) continue;
    const unlisted = await findSchedule(name, connections);
    if (unlisted && unlisted.definition.from !== path) continue;
    left.push({ name, handle: unlisted?.handle });
  }
  return left;
}

/** The ledger knows it from now on: it tells which nights were due where no engine can be asked. */
async function keep(
  name: string,
  batches: ReadonlyMap<string, Definition>,
  connections: Connections,
): Promise<void> {
  const [present, batch] = [await findSchedule(name, connections), batches.get(name)];
  if (!present || !batch) return;
  const ledger = await connections.ledger();
  await ledger.keepSchedule({
    definition: present.definition,
    batchName: batch.name,
    channels: await storedDefinition(batch, connections.artifacts),
    paused: present.description.state.paused,
  });
}

/** One that the ledger knows is made anew, for the engine has lost it: its pause and its nights go on. */
async function create(wanted: WantedSchedule, connections: Connections, dryRun: boolean): Promise<Change> {
  const { name } = wanted;
  const ledger = await connections.ledger();
  const kept = (await ledger.keptSchedules()).find(({ definition }) => definition.name === name);
  const staysPaused =
    kept !== undefined && !wanted.paused && pausedAfter(kept, kept.definition, wanted).paused;
  if (!dryRun) {
    if (kept) await noteUnsaid(kept.definition, kept.paused ? 'paused' : 'missed', ledger);
    const goesOn = kept !== undefined && !isMoved(kept.definition, wanted);
    const definition = { ...wanted, since: goesOn ? kept.definition.since : new Date().toISOString() };
    const client = await connections.client();
    await client.schedule.create({
      ...optionsOf(definition, connections.config.taskQueue),
      state: wanted.paused
        ? pausedIn(wanted)
        : { paused: staysPaused, ...(staysPaused && { note: STAYS_PAUSED }) },
    });
  }
  return { name, action: 'create', differences: staysPaused ? [STAYS_PAUSED] : [] };
}

const STAYS_PAUSED = 'paused before the engine lost it, and stays so';

async function update(
  { handle, definition, description }: EngineSchedule,
  wanted: WantedSchedule,
  connections: Connections,
  dryRun: boolean,
): Promise<Change> {
  const { name } = wanted;
  // A file that says "paused" is taken at its word, also after a resume by hand.
  const isResumed = definition.paused && wanted.paused && !description.state.paused;
  const differences = [
    ...differencesOf(definition, wanted),
    ...(isResumed ? ['paused: resumed by hand -> true'] : []),
  ];
  if (differences.length === 0 && !hasPresentTimes(description, definition))
    differences.push('times at the engine: as an older release told them -> told again');
  if (differences.length === 0) return { name, action: 'none', differences };
  if (!dryRun) {
    const { paused } = description.state;
    const moved = isMoved(definition, wanted);
    if (paused || wanted.paused || moved)
      await noteUnsaid(definition, paused ? 'paused' : 'missed', await connections.ledger());
    const next = { ...wanted, since: moved ? new Date().toISOString() : definition.since };
    const { scheduleId: _, ...options } = optionsOf(next, connections.config.taskQueue);
    await handle.update(({ state }) => ({
      ...options,
      state: { ...state, ...pausedAfter(state, definition, wanted) },
    }));
  }
  return { name, action: 'update', differences };
}

/** Its nights up to now were of other times. */
const isMoved = (before: ScheduleDefinition, wanted: WantedSchedule): boolean =>
  isOther(before.crons, wanted.crons) || before.timeZone !== wanted.timeZone;

/** A pause by hand outlives every apply, but for a file that has just taken back its own. */
function pausedAfter(
  state: { readonly paused: boolean },
  before: ScheduleDefinition,
  wanted: WantedSchedule,
): { readonly paused: boolean; readonly note?: string } {
  if (wanted.paused) return state.paused ? { paused: true } : pausedIn(wanted);
  return { paused: state.paused && !before.paused };
}

const pausedIn = ({ from }: WantedSchedule) => ({ paused: true, note: `paused in ${from}` });

const COMPARED = [
  'batch',
  'from',
  'crons',
  'timeZone',
  'overlap',
  'catchUpMs',
  'staleMs',
  'edition',
  'after',
  'paused',
] as const satisfies readonly (keyof WantedSchedule)[];

/** One text for each field that differs, in the words of the file: `overlap: skip -> queue`. */
export const differencesOf = (present: ScheduleDefinition, wanted: WantedSchedule): string[] =>
  COMPARED.filter((field) => isOther(present[field], wanted[field])).map(
    (field) => `${fileName(field)}: ${fileWords(field, present)} -> ${fileWords(field, wanted)}`,
  );

const isOther = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b);

/** A batch file that can't be read must come to light now, and not at 02:30. @returns what each schedule starts, by name */
async function checkBatches(
  read: SchedulesRead,
  file: string,
  connections: Connections,
): Promise<ReadonlyMap<string, Definition>> {
  const problems: Problem[] = [];
  const definitions = new Map<string, Definition>();
  for (const { name, batch, ...due } of read.schedules) {
    const at = nextFire(due, new Date()) ?? new Date();
    try {
      const edition = editionOf(at, due.timeZone, due.edition);
      const read = await readBatch(batch, { edition, env: connections.config.env });
      await preflight(read, connections.config);
      definitions.set(name, read.definition);
    } catch (error) {
      if (error instanceof NothingToDo) {
        definitions.set(name, error.definition); // nothing now; its nights will see
        continue;
      }
      if (!(error instanceof InvalidBatch)) throw error;
      problems.push({
        file,
        ...read.placeOfBatch(name),
        message: `the batch file of "${name}" can't be used: ${batch}`,
      });
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new InvalidBatch(problems);
  return definitions;
}
