import { lookAtBatch } from '../alerts/look.js';
import { commandsFor } from '../alerts/standing.js';
import { routesOf } from '../alerts/courier.js';
import { readDefinition, storedDefinition } from '../batch/manifest.js';
import { readSettings } from '../batch/read-batch.js';
import type { Definition } from '../contract/batch-file.js';
import { UsageError } from '../contract/errors.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import { isUnderWay } from '../contract/states.js';
import { messageOf } from '../contract/thrown.js';
import type { BatchRow } from '../ledger/ledger.js';
import { readDeadline } from '../nights/deadline.js';
import { lookAtNights } from '../nights/look-at-nights.js';
import { isAbout } from '../policy/alert-rules.js';
import { batchWords } from '../policy/batch-words.js';
import { judgeNight, judgeSchedule, type NightStanding } from '../policy/night-alerts.js';
import { commandsAt } from '../report/morning/commands.js';
import { timeLimit } from '../time-limit.js';
import { sendPending, undeliveredFindings } from './alerts.js';
import type { Connections } from './connections.js';
import type { Finding } from './doctor.js';
import { reportNight } from './report.js';

export interface NightsRequest {
  /** Names of batches, or their files; all batches of the ledger that tell somebody, when none is given. */
  readonly names: readonly string[];
  /** A run has to have begun within so long. */
  readonly withinMs: number;
  /** And to be over after so long. */
  readonly longestMs: number;
}

/** Messages are given so long; what is left goes out with the next look, or from a worker. */
const SEND_MS = 60_000;
const BATCHES_MAX = 1000;
const STARTS_MAX = 50;

/**
 * Whether each night happened, did something, and is over. Asks the ledger alone, so it needs neither engine nor
 * worker; tells the channels of the batch when one did not, and once when the next one did. Where schedules say when
 * nights are due, they decide which did not happen, and each of those gets its report. So does a run that is not over,
 * or that did not come about: no worker may be there to write it.
 */
export async function checkNights(
  { names, withinMs, longestMs }: NightsRequest,
  connections: Connections,
): Promise<readonly Finding[]> {
  const { artifacts, config } = connections;
  const { stateDir } = config;
  const ledger = await connections.ledger();
  const scheduled = new Set((await ledger.keptSchedules()).map(({ batchName }) => batchName));
  const findings: Finding[] = [];
  for (const { name, definition } of await nightsOf(names, scheduled, connections)) {
    const nowMs = Date.now();
    const schedules = scheduled.has(name)
      ? await lookAtNights(
          { ledger, artifacts, stateDir, now: () => new Date(nowMs) },
          { batchName: name, late: true },
        )
      : [];
    const last = await ledger.latestBatch(name);
    const named = last === undefined ? [name] : batchWords(last, await ledger.namesakes(last));
    const commands = commandsFor(last ?? {}, named, stateDir);
    const standing: NightStanding = { name, nowMs, withinMs, longestMs, commands };
    const judged = judgeNight(
      last === undefined ? standing : { ...standing, ...(await runOf(last, nowMs - withinMs, connections)) },
    );
    // A schedule knows better than any span of time when a night should have been.
    const known = schedules.length > 0 && judged.cause?.rule === 'missed';
    const { cause } = known ? { cause: undefined } : judged;
    const sha256 = definition && (await storedDefinition(definition, artifacts));
    if (sha256 !== undefined || cause !== undefined) {
      await ledger.noteAlerts({
        batchName: name,
        batchId: last?.id ?? '',
        causes: cause === undefined ? [] : [cause],
        isOver: ({ rule, subject }) =>
          isAbout(rule, 'nights') && subject === '' && !(rule === 'empty' && judged.status === 'fail'),
        routes: { definition: sha256 ?? '', routes: routesOf(definition?.alerts ?? []) },
        gatherMs: 0,
      });
    }
    const { status, detail } = judged;
    if (!known)
      findings.push({ subject: name, status, detail, ...(status === 'fail' && { fix: commands.status }) });
    findings.push(...(last === undefined ? [] : await overdueFindings(last, commands.status, connections)));
    if (cause !== undefined || (last && isUnderWay(last.state)))
      findings.push(...(await keepPage(name, connections)));
    const command = commandsAt({ directory: undefined, stateDir });
    for (const { kept, ...nights } of schedules) {
      const found = judgeSchedule({ ...kept, ...nights }, command);
      findings.push({ subject: `schedule ${kept.definition.name}`, ...found });
    }
  }
  const limit = timeLimit(SEND_MS);
  await sendPending(connections, limit.signal).finally(limit.end);
  return [...findings, ...(await undeliveredFindings(connections))];
}

/** A run that is past its deadline; the channels hear of it as they would from a worker. */
async function overdueFindings(
  last: BatchRow,
  statusCommand: string,
  connections: Connections,
): Promise<Finding[]> {
  const { artifacts, config } = connections;
  const { stateDir } = config;
  const ledger = await connections.ledger();
  const deadline = await readDeadline(last, { ledger, artifacts }, new Date());
  if (last.closedAt !== undefined || deadline?.met !== false) return [];
  await lookAtBatch(last.id, { ledger, artifacts, stateDir, now: () => new Date(), gatherMs: 0 });
  const detail = `its deadline: ${deadline.text}`;
  return [{ subject: last.name, status: 'fail', detail, fix: statusCommand }];
}

/** @returns that it could not be written, for it keeps nobody from being told */
async function keepPage(name: string, connections: Connections): Promise<Finding[]> {
  try {
    await reportNight({ nameOrId: name }, connections);
    return [];
  } catch (error) {
    return [
      { subject: name, status: 'warn', detail: `its report could not be written: ${messageOf(error)}` },
    ];
  }
}

interface Night {
  readonly name: string;
  /** Names the channels; unknown where nothing but a name is. */
  readonly definition: Definition | undefined;
}

async function nightsOf(
  names: readonly string[],
  scheduled: ReadonlySet<string>,
  connections: Connections,
): Promise<Night[]> {
  const ledger = await connections.ledger();
  if (names.length > 0) {
    return Promise.all(
      names.map(async (name): Promise<Night> => {
        if (/[./]/.test(name)) {
          const { definition } = await readSettings(name);
          return { name: definition.name, definition };
        }
        const last = await ledger.latestBatch(name);
        return { name, definition: last && (await definitionOf(last, connections)) };
      }),
    );
  }
  const found = new Map<string, Night>();
  for (const batch of await ledger.batches(BATCHES_MAX)) {
    if (found.has(batch.name)) continue;
    found.set(batch.name, { name: batch.name, definition: await definitionOf(batch, connections) });
  }
  for (const name of scheduled) if (!found.has(name)) found.set(name, { name, definition: undefined });
  const telling = [...found.values()].filter(
    ({ name, definition }) =>
      scheduled.has(name) ||
      (definition && (definition.alerts.length > 0 || definition.deadMan !== undefined)),
  );
  if (telling.length > 0) return telling;
  throw new UsageError(
    `no batch in ${connections.config.stateDir} has "alerts" in its file or a schedule; name those that are to be looked at: nightshift doctor --nightly NAME`,
  );
}

const definitionOf = ({ manifest }: BatchRow, { artifacts }: Connections): Promise<Definition> =>
  readDefinition(readManifestRef(manifest), artifacts);

async function runOf(
  last: BatchRow,
  fromMs: number,
  connections: Connections,
): Promise<Pick<NightStanding, 'last' | 'idleMs'>> {
  const ledger = await connections.ledger();
  const starts = await ledger.requests({ batchId: last.id, what: 'start', limit: STARTS_MAX });
  const open = await ledger.alerts({ open: true, batchName: last.name });
  const idle = starts.filter(({ outcome }) => outcome === 'already-completed').at(-1);
  return {
    last: {
      state: last.state,
      openedMs: Date.parse(last.openedAt),
      closedMs: last.closedAt === undefined ? undefined : Date.parse(last.closedAt),
      jobs: last.jobs,
      finished: await ledger.landedSince(last.name, new Date(fromMs).toISOString()),
      told: open.some(({ batchId, rule }) => batchId === last.id && !isAbout(rule, 'nights')),
    },
    ...(idle !== undefined && { idleMs: Date.parse(idle.at) }),
  };
}
