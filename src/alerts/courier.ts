import type { ArtifactStore } from '../contract/artifact.js';
import type { ChannelSpec, Notice } from '../contract/alerts.js';
import type { Definition } from '../contract/batch-file.js';
import type { Json } from '../contract/json.js';
import { redactor } from '../activities/redact.js';
import { messageOf } from '../contract/thrown.js';
import { canonicalJson } from '../identity/canonical-json.js';
import { readDefinition } from '../batch/manifest.js';
import type { Environment } from '../batch/secrets.js';
import type { AlertMessage, ChannelAnswer, PingKind } from '../ledger/alert-rows.js';
import type { Ledger } from '../ledger/ledger.js';
import { redeliveryDelay } from '../policy/alert-times.js';
import type { Channel } from './channels/channel.js';
import { openChannel } from './channels/open-channel.js';
import { harmless } from './notice-text.js';
import { ping } from './ping.js';

export interface CourierDeps {
  readonly ledger: Ledger;
  readonly artifacts: ArtifactStore;
  readonly env: Environment;
  readonly now: () => Date;
}

/** Longer than all channels of a batch file may take together. */
const LEASE_MS = 2 * 60_000;

/** Channels that are told one after another until one takes the message, and those told in any case. */
export const routesOf = (channels: readonly ChannelSpec[]): string[] => [
  ...(channels.some(({ also }) => also !== true) ? ['first'] : []),
  ...channels.flatMap(({ also }, at) => (also === true ? [`also-${at}`] : [])),
];

/**
 * Sends what is due, each message under the same id at every try, and writes down what came of it.
 *
 *  CO1. At least once: what was sent and not written down is sent again. Webhooks and mails bear an id by which
 *       receivers can tell twins; Slack, ntfy and programs may show one twice after a crash at that very moment.
 *  CO2. What goes wrong here is in the ledger and nowhere else: no batch fails or waits for it.
 *
 * @returns how many messages were tried
 */
export async function sendDue(deps: CourierDeps, signal: AbortSignal, leaseMs = LEASE_MS): Promise<number> {
  for (let tried = 0; ; tried++) {
    if (signal.aborted) return tried;
    const message = await deps.ledger.takeMessage(leaseMs);
    if (message === undefined) return tried;
    await deliver(message, deps, signal);
  }
}

async function deliver(message: AlertMessage, deps: CourierDeps, signal: AbortSignal): Promise<void> {
  const { ledger, now } = deps;
  const { id, tries, expiresAt } = message;
  if (expiresAt <= now().toISOString()) {
    return ledger.settleMessage(id, { kind: 'failed', answers: message.answers });
  }
  const answers = await answersTo(message, deps, signal);
  const kind = answers.some(({ took }) => took) ? 'sent' : 'again';
  await ledger.settleMessage(
    id,
    kind === 'sent' ? { kind, answers } : { kind, answers, delayMs: redeliveryDelay(tries) },
  );
}

async function answersTo(
  message: AlertMessage,
  deps: CourierDeps,
  signal: AbortSignal,
): Promise<ChannelAnswer[]> {
  let definition: Definition;
  try {
    definition = await readDefinition({ definition: message.definition }, deps.artifacts);
  } catch (error) {
    const said = messageOf(error);
    return [{ channel: message.route, took: false, said }];
  }
  const redact = redactor(definition as unknown as Json, deps.env);
  const clean = (answer: ChannelAnswer) => ({ ...answer, said: redact(answer.said) });
  if (message.fingerprint === undefined) {
    const { deadMan } = definition;
    if (deadMan === undefined) return [];
    const answer = await ping(deadMan, message.kind as PingKind, message.messageId, deps.env, signal);
    return [clean(answer)];
  }
  const notice = message.body ?? (await writeNotice(message, redact, deps));
  if (notice === undefined) return [];
  const { heard, others } = await channelsOf(message, definition, deps);
  const answers: ChannelAnswer[] = [];
  for (const channel of heard) answers.push(...(await tell([channel], notice, signal)));
  if (!answers.some(({ took }) => took)) answers.push(...(await tell(others, notice, signal)));
  return answers.map(clean);
}

/** What the first try says, all later ones say too. */
async function writeNotice(
  { id, messageId, fingerprint, batchName, kind }: AlertMessage,
  redact: (text: string) => string,
  { ledger }: CourierDeps,
): Promise<Notice | undefined> {
  const [alert] = fingerprint === undefined ? [] : await ledger.alerts({ fingerprint });
  if (alert === undefined || kind.startsWith('ping')) return undefined;
  const { rule, subject, errorClass, firstSeen, lastSeen, resolvedAt, detail } = alert;
  const notice = harmless(
    {
      id: messageId,
      kind: kind as Notice['kind'],
      rule,
      batch: batchName,
      subject,
      errorClass,
      firstSeen,
      lastSeen: kind === 'recovered' ? (resolvedAt ?? lastSeen) : lastSeen,
      fingerprint: alert.fingerprint,
      detail,
    },
    redact,
  );
  await ledger.saveMessageBody(id, notice);
  return notice;
}

interface Told {
  /** Those that took what the message is the end of: each of them is told. */
  readonly heard: readonly Channel[];
  /** Told in order until one takes it, where none of those did. */
  readonly others: readonly Channel[];
}

async function channelsOf(message: AlertMessage, definition: Definition, deps: CourierDeps): Promise<Told> {
  const takers = message.kind === 'recovered' ? await takersOf(message, deps) : new Set<string>();
  const specs = specsOf(definition, message.route);
  const open = openerOf(definition, deps);
  return {
    heard: specs.filter((spec) => takers.has(canonicalJson(spec))).map(open),
    others: specs.filter((spec) => !takers.has(canonicalJson(spec))).map(open),
  };
}

const openerOf =
  ({ baseDir }: Definition, { env, now }: Pick<CourierDeps, 'env' | 'now'>) =>
  (spec: ChannelSpec): Channel =>
    openChannel(spec, { baseDir, env, now });

const specsOf = ({ alerts }: Definition, route: string): ChannelSpec[] =>
  alerts.filter(({ also }, at) =>
    route === 'first' ? also !== true : route === `also-${at}` && also === true,
  );

/** Who was told by that route before the end; the batch file may have other channels by now. */
async function takersOf(
  { fingerprint = '', messageId, route }: AlertMessage,
  { ledger, artifacts }: CourierDeps,
): Promise<ReadonlySet<string>> {
  const [alert] = await ledger.alerts({ fingerprint });
  const sent = await ledger.alertMessages({ fingerprint, states: ['sent'] });
  const takers = new Set<string>();
  for (const before of sent) {
    if (before.route !== route || before.messageId === messageId) continue;
    if (alert === undefined || before.createdAt < alert.firstSeen) continue; // of an earlier episode
    const definition = await readDefinition({ definition: before.definition }, artifacts);
    // Channels are asked in order until one takes it: that is the last one asked.
    const taker = specsOf(definition, route)[before.answers.length - 1];
    if (taker !== undefined) takers.add(canonicalJson(taker));
  }
  return takers;
}

/** Tells everybody whom an alert of the batch would reach, with nothing of it in the ledger. */
export async function tellNow(
  definition: Definition,
  notice: Notice,
  deps: Pick<CourierDeps, 'env' | 'now'>,
  signal: AbortSignal,
): Promise<readonly ChannelAnswer[]> {
  const clean = harmless(notice, redactor(definition as unknown as Json, deps.env));
  const open = openerOf(definition, deps);
  const answers: ChannelAnswer[] = [];
  for (const route of routesOf(definition.alerts))
    answers.push(...(await tell(specsOf(definition, route).map(open), clean, signal)));
  return answers;
}

/** One after another, until one takes it. @returns what each said that was asked */
export async function tell(
  channels: readonly Channel[],
  notice: Notice,
  signal: AbortSignal,
): Promise<ChannelAnswer[]> {
  const answers: ChannelAnswer[] = [];
  for (const channel of channels) {
    const answer = { channel: channel.name, ...(await channel.send(notice, signal)) };
    answers.push(answer);
    if (answer.took) break;
  }
  return answers;
}
