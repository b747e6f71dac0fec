import { DAY_MS } from '../../contract/units.js';
import { isUnderWay } from '../../contract/states.js';
import type { AlertRow } from '../../ledger/alert-rows.js';
import type { BatchRow, Ledger, RequestRow } from '../../ledger/ledger.js';
import { isAbout } from '../../policy/alert-rules.js';
import { batchWords } from '../../policy/batch-words.js';
import { fileCommand } from '../batch-file-command.js';
import { localTime, localTimesIn } from '../format.js';
import type { commandsAt } from './commands.js';
import type { Decision } from './model.js';

/**
 * What keeps the run opened last from being the whole story: a later start came to nothing, or whoever looks at nights
 * found none. Schedules say for themselves which of their nights did not run.
 */
export interface SinceThen {
  /** Of the batch. */
  readonly name: string;
  readonly decision: Decision;
  /** The same in one sentence. */
  readonly sentence: string;
  /** Whether it is about a night after the run that is reported, so that this run is not the last word of its name. */
  readonly isLater: boolean;
  /** Since when it is known. */
  readonly at: string;
}

export type SinceThenLedger = Pick<Ledger, 'requests' | 'alerts' | 'latestBatch' | 'namesakes'>;

export interface SinceThenAbout {
  /** The run that is reported; absent where there is none. */
  readonly batch?: Pick<BatchRow, 'id' | 'name' | 'openedAt'> | undefined;
  /** Batches of this name only. */
  readonly name?: string | undefined;
}

interface Words {
  readonly command: ReturnType<typeof commandsAt>;
  readonly timeZone: string;
}

/** One for each name at most: why a night did not begin says more than that it did not. */
export async function readSinceThen(
  about: SinceThenAbout,
  ledger: SinceThenLedger,
  now: Date,
  words: Words,
): Promise<readonly SinceThen[]> {
  const starts = (await failedStarts(about, ledger, now)).map((start) => ofStart(start, words));
  const told = new Set(starts.map(({ name }) => name));
  const nights: SinceThen[] = [];
  for (const night of await nightAlerts(about, ledger)) {
    const { alert, newest } = night;
    if (told.has(alert.batchName)) continue;
    const named = newest && batchWords(newest, await ledger.namesakes(newest));
    const since = ofNight(night, named ?? [alert.batchName], words);
    if (since) nights.push(since);
  }
  const own = about.batch?.name;
  return [...starts, ...nights].map((since) => ({ ...since, isLater: since.isLater && since.name === own }));
}

/** The run of a name that was opened last, if there is one. */
type Newest = BatchRow | undefined;

interface FailedStart {
  readonly request: RequestRow & { readonly batch: NonNullable<RequestRow['batch']> };
  readonly newest: Newest;
}

/** The last start of each name, where it came to nothing and no run has been opened since. */
async function failedStarts(
  { batch, name }: SinceThenAbout,
  ledger: SinceThenLedger,
  now: Date,
): Promise<readonly FailedStart[]> {
  const opened = batch?.openedAt;
  // Of other names what was lately: a batch that somebody has given up is not spoken of for ever.
  const dayAgo = new Date(now.getTime() - DAY_MS).toISOString();
  const since = name !== undefined ? opened : opened !== undefined && opened < dayAgo ? opened : dayAgo;
  const rows = await ledger.requests({
    what: 'start',
    ...(name !== undefined && { batchName: name }),
    ...(since !== undefined && { since }),
  });
  const last = new Map<string, FailedStart['request']>();
  for (const row of rows)
    if (isOfBatch(row) && !(isFailed(row) && isOfSchedule(row))) last.set(row.batch.name, row);
  const found: FailedStart[] = [];
  for (const [named, request] of last) {
    if (!isFailed(request)) continue;
    const newest = await ledger.latestBatch(named);
    const isOwn = request.batch.id === newest?.id;
    const doneAt = (isOwn ? newest?.closedAt : undefined) ?? newest?.openedAt;
    if (doneAt !== undefined && request.at <= doneAt) continue;
    // An older night than the newest of its name hears only of itself.
    if (batch?.name === named && batch.id !== newest?.id && batch.id !== request.batch.id) continue;
    found.push({ request, newest });
  }
  return found;
}

const isOfBatch = (row: RequestRow): row is FailedStart['request'] => row.batch !== undefined;

const isFailed = ({ outcome }: RequestRow): boolean =>
  outcome === 'failed' || outcome === 'refused' || outcome === 'conflict';

const isOfSchedule = ({ by }: RequestRow): boolean => by.startsWith('schedule:');

function ofStart({ request, newest }: FailedStart, { command, timeZone }: Words): SinceThen {
  const { by, at, reason = 'nobody said why' } = request;
  const { name } = request.batch;
  const when = localTime(at, timeZone);
  const detail = localTimesIn(reason, timeZone).replace(/\.$/, '');
  return {
    name,
    decision: {
      kind: 'start',
      title: `The last start of ${name} failed`,
      why: 'No run came of it, and nobody starts it again by itself. What is done stays as it is.',
      count: 1,
      cases: [{ title: `${when}, by ${by}`, detail, commands: [] }],
      commands: [lookCommand(command), startCommand(command, newest)],
    },
    sentence: `${by} started it at ${when}, and that failed: ${detail}.`,
    isLater: true,
    at,
  };
}

interface NightAlert {
  readonly alert: AlertRow;
  readonly newest: Newest;
}

/** What `doctor --nightly` found of batches without a schedule, where no run has been opened since. */
async function nightAlerts(
  { batch, name }: SinceThenAbout,
  ledger: SinceThenLedger,
): Promise<readonly NightAlert[]> {
  const open = await ledger.alerts({
    open: true,
    limit: Number.MAX_SAFE_INTEGER,
    ...(name !== undefined && { batchName: name }),
  });
  const found: NightAlert[] = [];
  for (const alert of open) {
    if (!isAbout(alert.rule, 'nights') || alert.subject !== '') continue;
    const newest = await ledger.latestBatch(alert.batchName);
    if (alert.batchId !== (newest?.id ?? '') || alert.lastSeen < (newest?.openedAt ?? '')) continue;
    if (alert.rule === 'late' && newest && !isUnderWay(newest.state)) continue;
    if (batch?.name === alert.batchName && batch.id !== newest?.id) continue;
    found.push({ alert, newest });
  }
  return found;
}

const NIGHT_TITLES = {
  missed: (name: string) => `The night of ${name} did not happen`,
  late: (name: string) => `${name} should be over`,
  empty: (name: string) => `The night of ${name} did nothing`,
};

const isNightRule = (rule: string): rule is keyof typeof NIGHT_TITLES => rule in NIGHT_TITLES;

/** @param named words that mean the run opened last */
function ofNight(
  { alert, newest }: NightAlert,
  named: readonly string[],
  { command, timeZone }: Words,
): SinceThen | undefined {
  const { rule, batchName: name, detail, firstSeen: at, lastSeen } = alert;
  if (!isNightRule(rule)) return undefined;
  const why = `Looked at ${localTime(lastSeen, timeZone)}: ${detail.headline}.`;
  const status = { say: 'see how it stands', command: command('status', ...named) };
  const look = lookCommand(command);
  const commands = rule === 'missed' ? [look, startCommand(command, newest)] : [status, look];
  const title = NIGHT_TITLES[rule](name);
  return {
    name,
    decision: { kind: rule, title, why, count: 1, cases: [], commands },
    sentence: why,
    isLater: rule === 'missed',
    at,
  };
}

const lookCommand = (command: Words['command']) => ({
  say: 'look for what is wrong',
  command: command('doctor'),
});

/** Its night may be another one than that of the run opened last, so no edition is given. */
const startCommand = (command: Words['command'], newest: Newest) => ({
  say: 'then start it',
  command: fileCommand(command, ['run'], { file: newest?.file }),
});
