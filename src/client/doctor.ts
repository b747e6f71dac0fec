import { access, constants, mkdir } from 'node:fs/promises';
import { resumeWords } from '../contract/holds.js';
import { messageOf } from '../contract/thrown.js';
import { shellWord } from '../policy/shell-word.js';
import { clockFinding } from './clock-finding.js';
import type { Connections } from './connections.js';
import { roomIn } from '../free-room.js';
import { localTime } from '../report/format.js';
import { pausedText } from '../report/paused-text.js';
import { roomFinding } from './room-finding.js';
import { missingAttributes } from './search-attributes.js';

/** One line of `doctor`. */
export interface Finding {
  readonly subject: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** Looks at everything a night depends on. Starts the embedded engine if need be; changes nothing else. */
export async function doctor(connections: Connections): Promise<readonly Finding[]> {
  const first = await look([node, stateDir, ledger], connections);
  // What is wrong with a ledger is told once, not by all who would read it.
  const isKept = !hasFailed(first, 'ledger');
  const second = await look([...(isKept ? [folders, alerts, pauses] : []), engine], connections);
  const asked = isKept ? [clock, worker, schedules, sessions] : [clock, schedules];
  const third = hasFailed(second, 'engine') ? [] : await look(asked, connections);
  return [...first, ...second, ...third];
}

const hasFailed = (findings: readonly Finding[], of: string): boolean =>
  findings.some(({ subject, status }) => subject === of && status === 'fail');

type Check = (connections: Connections) => Promise<readonly Finding[]>;

async function look(checks: readonly Check[], connections: Connections): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of checks) {
    try {
      findings.push(...(await check(connections)));
    } catch (error) {
      findings.push({
        subject: check.name,
        status: 'fail',
        detail: messageOf(error),
      });
    }
  }
  return findings;
}

async function node(): Promise<Finding[]> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const good = major > 20 || (major === 20 && minor >= 20);
  return [
    {
      subject: 'node',
      status: good ? 'ok' : 'fail',
      detail: process.version,
      ...(!good && { fix: 'install Node 20.20 or newer' }),
    },
  ];
}

async function stateDir({ config }: Connections): Promise<Finding[]> {
  await mkdir(config.stateDir, { recursive: true, mode: 0o700 });
  await access(config.stateDir, constants.W_OK);
  return [roomFinding(config.stateDir, await roomIn(config.stateDir))];
}

async function ledger(connections: Connections): Promise<Finding[]> {
  const { path, dialect, engineVersion, schemaVersion, problems, clockAheadMs } = await (
    await connections.ledger()
  ).inspect();
  const found: Finding[] = problems.map((detail) => ({ subject: 'ledger', status: 'fail', detail }));
  if (found.length === 0) {
    found.push({
      subject: 'ledger',
      status: 'ok',
      detail: `${path}, ${dialect === 'postgres' ? 'PostgreSQL' : 'SQLite'} ${engineVersion}, schema ${schemaVersion}`,
    });
  }
  if (clockAheadMs !== undefined) found.push(clockFinding('ledger', clockAheadMs));
  return found;
}

const folders = async (connections: Connections): Promise<Finding[]> =>
  (await import('./folder-finding.js')).folderFindings(connections);

const alerts = async (connections: Connections): Promise<Finding[]> =>
  (await import('./alerts.js')).undeliveredFindings(connections);

/** Of more than single batches: those hold nights that have not begun yet, too. */
async function pauses(connections: Connections): Promise<Finding[]> {
  return (await (await connections.ledger()).holds()).map((hold) => ({
    subject: 'pause',
    status: 'warn',
    detail: `${pausedText(hold)}; what starts later waits, too`,
    fix: `nightshift ${resumeWords(hold.scope).map(shellWord).join(' ')}`,
  }));
}

async function engine(connections: Connections): Promise<Finding[]> {
  const { kind, address, namespace, webUi } = await connections.engine();
  const client = await connections.client();
  const [info, described] = await Promise.all([
    client.workflowService.getSystemInfo({}),
    client.workflowService.describeNamespace({ namespace }),
  ]);
  const retentionHours = Number(described.config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 3600;
  const missing = await missingAttributes(client);
  return [
    {
      subject: 'engine',
      status: 'ok',
      detail: `${kind}, ${address}, namespace ${namespace}, Temporal ${info.serverVersion ?? 'of unknown version'}${webUi === undefined ? '' : `, Web UI ${webUi}`}`,
    },
    {
      subject: 'retention',
      status: retentionHours >= 24 ? 'ok' : 'warn',
      detail: `histories are kept for ${retentionHours} hours; the ledger keeps receipts for ever`,
    },
    ...(missing?.length ? [withoutAttributes(missing, namespace)] : []),
  ];
}

const clock = async (connections: Connections): Promise<Finding[]> =>
  (await import('./engine-clock.js')).engineClock(connections);

const worker = async (connections: Connections): Promise<Finding[]> =>
  (await import('./worker-finding.js')).workerFinding(connections);

const schedules = async (connections: Connections): Promise<Finding[]> =>
  (await import('./schedules/doctor.js')).scheduleFindings(connections);

async function sessions(connections: Connections): Promise<Finding[]> {
  const left = await (await import('./abandoned.js')).abandonedSessions(connections, { end: false });
  const [oldest] = left;
  if (oldest === undefined) return [];
  return [
    {
      subject: 'sessions',
      status: 'warn',
      detail: `${left.length} opened more than a day ago, the oldest at ${localTime(oldest.openedAt)}, have no end, and no job watches them: what was set aside for them stays set aside`,
      fix: 'start their batch again to go on with them, or see "nightshift doctor --abandoned"',
    },
  ];
}

function withoutAttributes(missing: readonly string[], namespace: string): Finding {
  const names = missing.map((name) => `--name ${name} --type Keyword`).join(' ');
  return {
    subject: 'search attributes',
    status: 'warn',
    detail: `namespace ${namespace} lacks ${missing.join(', ')}; batches can't be filtered in the Web UI`,
    fix: `temporal operator search-attribute create --namespace ${namespace} ${names}`,
  };
}
