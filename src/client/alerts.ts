import { sendDue, tell } from '../alerts/courier.js';
import { remind } from '../alerts/remind.js';
import { openChannel } from '../alerts/channels/open-channel.js';
import { harmless } from '../alerts/notice-text.js';
import { ping } from '../alerts/ping.js';
import { redactor } from '../activities/redact.js';
import { readDefinition } from '../batch/manifest.js';
import { readSettings } from '../batch/read-batch.js';
import type { Notice } from '../contract/alerts.js';
import type { Definition } from '../contract/batch-file.js';
import { UsageError } from '../contract/errors.js';
import type { Json } from '../contract/json.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import { sha256Hex } from '../identity/digest.js';
import type { AlertMessage, AlertRow, ChannelAnswer } from '../ledger/alert-rows.js';
import { undeliveredOf, whyUndelivered } from '../policy/undelivered.js';
import { fileCommand } from '../report/batch-file-command.js';
import { commandsAt } from '../report/morning/commands.js';
import type { Connections } from './connections.js';
import type { Finding } from './doctor.js';

export interface AlertSeen extends AlertRow {
  /** Channels that took a message about it, while it was open this time. */
  readonly told: readonly string[];
}

/** Alerts, and the messages that have not reached anybody. */
export interface AlertsSeen {
  readonly alerts: readonly AlertSeen[];
  readonly undelivered: readonly AlertMessage[];
}

export interface AlertsRequest {
  /** Of batches of this name only. */
  readonly name?: string;
  /** Those that are over too. */
  readonly all?: boolean;
}

export async function seeAlerts(
  connections: Pick<Connections, 'ledger'>,
  { name, all = false }: AlertsRequest = {},
): Promise<AlertsSeen> {
  const ledger = await connections.ledger();
  const [alerts, messages] = await Promise.all([
    ledger.alerts({ ...(!all && { open: true }), ...(name !== undefined && { batchName: name }) }),
    ledger.alertMessages({ states: ['pending', 'failed'] }),
  ]);
  const undelivered = messages.filter(
    ({ state, tries, batchName }) =>
      (state === 'failed' || tries > 0) && (name === undefined || batchName === name),
  );
  return {
    alerts: await Promise.all(alerts.map(async (alert) => ({ ...alert, told: await toldOf(alert) }))),
    undelivered,
  };

  async function toldOf({ fingerprint, firstSeen }: AlertRow): Promise<readonly string[]> {
    const sent = await ledger.alertMessages({ fingerprint, states: ['sent'] });
    const took = sent
      .filter(({ createdAt }) => createdAt >= firstSeen)
      .flatMap(({ answers }) => answers.filter((answer) => answer.took));
    return [...new Set(took.map(({ channel }) => channel))];
  }
}

/** Sends a test message through every channel, whether or not one before it took it. Nothing is kept. */
export async function testAlerts(
  connections: Connections,
  file: string | undefined,
): Promise<readonly ChannelAnswer[]> {
  const definition =
    file === undefined ? await newestDefinition(connections) : (await readSettings(file)).definition;
  const { env, stateDir } = connections.config;
  const now = new Date();
  const id = `ns-test-${sha256Hex(`${definition.name} ${now.toISOString()} ${process.pid}`).slice(0, 24)}`;
  const redact = redactor(definition as unknown as Json, env);
  const notice = harmless(testNotice(definition.name, id, now, stateDir), redact);
  const signal = new AbortController().signal;
  const answers: ChannelAnswer[] = [];
  for (const spec of definition.alerts) {
    const channel = openChannel(spec, { baseDir: definition.baseDir, env, now: () => now });
    answers.push(...(await tell([channel], notice, signal)));
  }
  if (definition.deadMan !== undefined)
    answers.push(await ping(definition.deadMan, 'test', uuidOf(id), env, signal));
  return answers.map((answer) => ({ ...answer, said: redact(answer.said) }));
}

const uuidOf = (text: string): string =>
  sha256Hex(text)
    .slice(0, 32)
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');

function testNotice(batch: string, id: string, now: Date, stateDir: string): Notice {
  const at = now.toISOString();
  return {
    id,
    kind: 'test',
    rule: 'test',
    batch,
    subject: '',
    errorClass: undefined,
    firstSeen: at,
    lastSeen: at,
    fingerprint: 'test',
    detail: {
      headline: 'this is a test; somebody asked whether alerts reach you',
      jobs: 0,
      of: 0,
      examples: [],
      next: [{ what: 'see what is open', command: `nightshift alert list --state ${stateDir}` }],
    },
  };
}

async function newestDefinition(connections: Connections): Promise<Definition> {
  const [newest] = await (await connections.ledger()).batches(1);
  if (newest === undefined) {
    throw new UsageError('no batch was ever run here; name a batch file: nightshift alert test batch.yaml');
  }
  return readDefinition(readManifestRef(newest.manifest), connections.artifacts);
}

/** What is due, sent now: for processes that host no worker. */
export async function sendPending(connections: Connections, signal: AbortSignal): Promise<void> {
  const { artifacts, config } = connections;
  const { env, stateDir } = config;
  const deps = { ledger: await connections.ledger(), artifacts, now: () => new Date() };
  await remind({ ...deps, stateDir, gatherMs: 0 });
  await sendDue({ ...deps, env }, signal);
}

const MESSAGES_MAX = 500;
const FINDINGS_MAX = 10;

/** For `doctor`: messages that reached nobody. */
export async function undeliveredFindings(connections: Connections): Promise<Finding[]> {
  const ledger = await connections.ledger();
  const messages = await ledger.alertMessages({ limit: MESSAGES_MAX });
  const command = commandsAt({ directory: undefined, stateDir: connections.config.stateDir });
  const undelivered = undeliveredOf(messages, new Date()).slice(0, FINDINGS_MAX);
  const findings: Finding[] = [];
  for (const message of undelivered) {
    const batch = await ledger.latestBatch(message.batchName);
    findings.push({
      subject: 'alerts',
      status: 'warn',
      detail: `a message about ${message.batchName} (${message.kind}) reached nobody: ${whyUndelivered(message)}`,
      fix: `put the channel right, then: ${fileCommand(command, ['alert', 'test'], batch ?? {})}`,
    });
  }
  return findings;
}
