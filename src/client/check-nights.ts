import { commandsFor } from '../alerts/look.js';
import { routesOf } from '../alerts/courier.js';
import { readDefinition } from '../batch/manifest.js';
import { readSettings } from '../batch/read-batch.js';
import type { Definition } from '../contract/batch-file.js';
import { UsageError } from '../contract/errors.js';
import { manifestRefSchema } from '../contract/messages.js';
import { canonicalJson } from '../identity/canonical-json.js';
import type { BatchRow } from '../ledger/ledger.js';
import { ABOUT_NIGHTS, judgeNight, type NightStanding } from '../policy/alerts.js';
import { sendPending, undeliveredFindings } from './alerts.js';
import type { Connections } from './connections.js';
import type { Finding } from './doctor.js';

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
 * worker; tells the channels of the batch when one did not, and once when the next one did.
 */
export async function checkNights(
  { names, withinMs, longestMs }: NightsRequest,
  connections: Connections,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { name, definition } of await nightsOf(names, connections)) {
    const ledger = await connections.ledger();
    const nowMs = Date.now();
    const last = await ledger.latestBatch(name);
    const commands = commandsFor(name, connections.config.stateDir);
    const standing: NightStanding = { name, nowMs, withinMs, longestMs, commands };
    const { status, detail, cause } = judgeNight(
      last === undefined ? standing : { ...standing, ...(await runOf(last, nowMs - withinMs, connections)) },
    );
    const sha256 = definition && (await storedDefinition(definition, connections));
    if (sha256 !== undefined || cause !== undefined) {
      await ledger.noteAlerts({
        batchName: name,
        batchId: last?.id ?? '',
        causes: cause === undefined ? [] : [cause],
        isOver: ({ rule }) => ABOUT_NIGHTS.has(rule),
        routes: { definition: sha256 ?? '', routes: routesOf(definition?.alerts ?? []) },
        gatherMs: 0,
      });
    }
    const fix = status === 'fail' ? { fix: commands.status } : {};
    findings.push({ subject: name, status, detail, ...fix });
  }
  await sendPending(connections, AbortSignal.timeout(SEND_MS));
  return [...findings, ...(await undeliveredFindings(connections))];
}

interface Night {
  readonly name: string;
  /** Names the channels; unknown where nothing but a name is. */
  readonly definition: Definition | undefined;
}

async function nightsOf(names: readonly string[], connections: Connections): Promise<Night[]> {
  const ledger = await connections.ledger();
  if (names.length > 0) {
    return Promise.all(
      names.map(async (name): Promise<Night> => {
        if (/[./]/.test(name)) {
          const definition = await readSettings(name);
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
  const telling = [...found.values()].filter(
    ({ definition }) => definition && (definition.alerts.length > 0 || definition.deadMan !== undefined),
  );
  if (telling.length > 0) return telling;
  throw new UsageError(
    `no batch in ${connections.config.stateDir} has "alerts" in its file; name those that are to be looked at: nightshift doctor --nightly NAME`,
  );
}

const definitionOf = ({ manifest }: BatchRow, { artifacts }: Connections): Promise<Definition> =>
  readDefinition(manifestRefSchema.parse(JSON.parse(manifest)), artifacts);

/** Where the messages will find their channels, also those of a batch that never ran. */
const storedDefinition = async (definition: Definition, { artifacts }: Connections): Promise<string> =>
  (await artifacts.put(Buffer.from(canonicalJson(definition)), 'application/json')).sha256;

async function runOf(
  last: BatchRow,
  fromMs: number,
  connections: Connections,
): Promise<Pick<NightStanding, 'last' | 'idleMs'>> {
  const ledger = await connections.ledger();
  const starts = await ledger.requests({ batchId: last.id, what: 'start', limit: STARTS_MAX });
  const idle = starts.filter(({ outcome }) => outcome === 'already-completed').at(-1);
  return {
    last: {
      state: last.state,
      openedMs: Date.parse(last.openedAt),
      closedMs: last.closedAt === undefined ? undefined : Date.parse(last.closedAt),
      jobs: last.jobs,
      finished: await ledger.landedSince(last.name, new Date(fromMs).toISOString()),
    },
    ...(idle !== undefined && { idleMs: Date.parse(idle.at) }),
  };
}
