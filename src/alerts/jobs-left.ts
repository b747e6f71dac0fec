import type { AlertRow } from '../ledger/alert-rows.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import { isAbout } from '../policy/alert-rules.js';
import {
  alertCauses,
  causesAboutJobs,
  NIGHTS_MAX,
  tellsAtOnce,
  type AlertCause,
  type CauseOfNight,
} from '../policy/alerts.js';
import { localTime } from '../report/format.js';
import { hasStopped, shortCommands, standingAsStored, type Standing, type StandingDeps } from './standing.js';

/**
 * What nights, or lists, of one name have left for a person, as far as alerts tell of it: those that are open, and those
 * that the batch looked at gives now. One under way is asked, too, for its jobs keep an alert open though it has not told of
 * them yet; one that was cancelled only where an open alert tells of it. A job that several of them name is left once.
 * @param looked the batch that is looked at, and its causes
 */
export async function jobsLeft(
  looked: { readonly batch: BatchRow; readonly standing: Standing; readonly causes: readonly AlertCause[] },
  open: readonly AlertRow[],
  deps: StandingDeps,
): Promise<CauseOfNight[]> {
  const told = new Set([...open, ...looked.causes].filter(isAboutJobs).map(({ fingerprint }) => fingerprint));
  if (told.size === 0) return [];
  const nights: { readonly batch: BatchRow; readonly standing: Standing }[] = [];
  const unread: BatchRow[] = [];
  for (const batch of await nightsWithJobs(looked.batch, open, deps.ledger)) {
    const isLooked = batch.id === looked.batch.id;
    const standing = isLooked ? looked.standing : await standingAsStored(batch, deps);
    if (standing !== undefined) nights.push({ batch, standing });
    else if (hasStopped(await deps.ledger.counts(batch.id, batch.openedSeq))) unread.push(batch);
  }
  const broughtBy = firstNights(nights);
  const left: CauseOfNight[] = [];
  const counted = new Set<string>();
  let spelledOut = 0;
  for (const { batch, standing } of nights) {
    const isLooked = batch.id === looked.batch.id;
    const unfinished = standing.unfinished.filter(({ key }) => !counted.has(key));
    for (const { key } of unfinished) counted.add(key);
    const ofNight = { ...standing, unfinished };
    if (!causesAboutJobs(ofNight).some(({ fingerprint }) => told.has(fingerprint))) continue;
    // Of more nights the commands are not shown, so nothing is asked for them.
    const commands =
      isLooked || spelledOut++ >= NIGHTS_MAX ? standing.commands : await shortCommands(batch, deps);
    const brought = unfinished.filter(({ key }) => broughtBy.get(key) === batch.id);
    const tells = fingerprintsOf(alertCauses(ofNight));
    const brings = fingerprintsOf(alertCauses({ ...ofNight, unfinished: brought }));
    for (const cause of causesAboutJobs({ ...ofNight, commands })) {
      const { fingerprint, rule } = cause;
      if (!told.has(fingerprint)) continue;
      const isAtOnce = brings.has(fingerprint) && tellsAtOnce(rule, standing);
      left.push({ ...cause, ...nightOf(batch), isTold: tells.has(fingerprint), isAtOnce });
    }
  }
  return unread.reduce((all, batch) => [...all, ...asBefore(batch, open, all)], left);
}

/**
 * Of a night whose file can't be read, nothing is known but the open alerts that tell of it: those go on as they are. Where
 * other nights have the cause they say what is the matter, and this one only stays in it.
 */
function asBefore(
  batch: BatchRow,
  open: readonly AlertRow[],
  others: readonly CauseOfNight[],
): readonly CauseOfNight[] {
  const told = open.filter((alert) => isAboutJobs(alert) && nightsOf(alert).includes(batch.id));
  return told.map(({ fingerprint, rule, subject, errorClass, detail }) => {
    const other = others.find((cause) => cause.fingerprint === fingerprint);
    const cause: AlertCause =
      other === undefined
        ? { fingerprint, rule, subject, errorClass, detail }
        : { ...other, detail: { headline: other.detail.headline, jobs: 0, of: 0, examples: [], next: [] } };
    return { ...cause, ...nightOf(batch), isTold: false, isAtOnce: false };
  });
}

const isAboutJobs = ({ rule }: Pick<AlertRow, 'rule'>): boolean => isAbout(rule, 'jobs');

const fingerprintsOf = (causes: readonly AlertCause[]): ReadonlySet<string> =>
  new Set(causes.map(({ fingerprint }) => fingerprint));

/** Which night, or list, had a job first, by its key: it is no news that the next one has it as well. @param nights newest first */
function firstNights(
  nights: readonly { readonly batch: BatchRow; readonly standing: Standing }[],
): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  for (const { batch, standing } of nights)
    for (const { key } of standing.unfinished) first.set(key, batch.id);
  return first;
}

const nightOf = ({ id, edition, openedAt, openedSeq }: BatchRow) => ({
  batchId: id,
  night: edition ?? localTime(openedAt),
  openedSeq,
});

/** The newest first, whichever is looked at: each look has to see the same. */
async function nightsWithJobs(
  looked: BatchRow,
  open: readonly AlertRow[],
  ledger: Ledger,
): Promise<readonly BatchRow[]> {
  const nights = new Map(
    [looked, ...(await ledger.stuckBatchesNamed(looked.name))].map((row) => [row.id, row]),
  );
  const told = new Set(open.filter(isAboutJobs).flatMap(nightsOf));
  for (const batchId of told) {
    const batch = nights.has(batchId) ? undefined : await ledger.batch(batchId);
    if (batch !== undefined) nights.set(batchId, batch);
  }
  return [...nights.values()]
    .filter(({ id, state }) => state !== 'cancelled' || told.has(id))
    .sort((a, b) => b.openedSeq - a.openedSeq);
}

/** Nights that an alert tells of; of one that an older release wrote, the one that it is about. */
const nightsOf = ({ batchId, detail }: AlertRow): readonly string[] =>
  detail.nights?.map((night) => night.batchId) ?? [batchId];
