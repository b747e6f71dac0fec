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
import { heardOf, isEnd, isHeard } from '../policy/alert-heard.js';
import { redeliveryDelay } from '../policy/alert-times.js';
import { keepsOpen, type Channel } from './channels/channel.js';
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

/** Routes with a channel that is to hear of every end. */
export const keepOpenRoutes = (channels: readonly ChannelSpec[]): string[] =>
  routesOf(channels).filter((route) => specsOf(channels, route).some(keepsOpen));

/**
 * Sends what is due, each message under the same id at every try, and writes down what came of it.
 *
 *  CO1. At least once: what was sent and not written down is sent again. Webhooks and mails bear an id by which
 *       receivers can tell twins, incidents their key; Slack, ntfy and programs may show one twice after a crash at that
 *       very moment.
 *  CO2. What goes wrong here is in the ledger and nowhere else: no batch fails or waits for it.
 *  CO3. Where what was told stays open, its end is told to that very channel, and tried until it takes it: no other could
 *       close it. An end that comes too late, for the cause is there again, is told to nobody.
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
  if (isEnd(message) && (await isOpenAgain(message, ledger)))
    return ledger.settleMessage(id, { kind: 'dropped', answers: message.answers }); // CO3
  const said = await answersTo(message, deps, signal);
  if (said === undefined) return ledger.settleMessage(id, { kind: 'dropped', answers: [] });
  const { answers, isTold } = said;
  await ledger.settleMessage(
    id,
    isTold ? { kind: 'sent', answers } : { kind: 'again', answers, delayMs: redeliveryDelay(tries) },
  );
}

async function isOpenAgain({ fingerprint = '' }: AlertMessage, ledger: Ledger): Promise<boolean> {
  const [alert] = await ledger.alerts({ fingerprint });
  return alert?.state === 'open';
}

interface Said {
  /** Of each channel that was asked; of an end also of those that took it at an earlier try, and are not asked again. */
  readonly answers: ChannelAnswer[];
  /** Whether it need not be tried again. */
  readonly isTold: boolean;
}

/** @returns undefined where nobody is to hear of it */
async function answersTo(
  message: AlertMessage,
  deps: CourierDeps,
  signal: AbortSignal,
): Promise<Said | undefined> {
  let definition: Definition;
  let channels: Told;
  try {
    definition = await readDefinition({ definition: message.definition }, deps.artifacts);
    channels = await channelsOf(message, definition, deps);
  } catch (error) {
    const said = messageOf(error);
    return { answers: [{ channel: message.route, took: false, said }], isTold: false };
  }
  const redact = redactor(definition as unknown as Json, deps.env);
  const clean = (answer: ChannelAnswer) => ({ ...answer, said: redact(answer.said) });
  if (message.fingerprint === undefined) {
    const { deadMan } = definition;
    if (deadMan === undefined) return { answers: [], isTold: false };
    const answer = await ping(deadMan, message.kind as PingKind, message.messageId, deps.env, signal);
    return { answers: [clean(answer)], isTold: answer.took };
  }
  const notice = message.body ?? (await writeNotice(message, redact, deps));
  if (notice === undefined) return { answers: [], isTold: false };
  const { heard, others } = channels;
  if (message.kind === 'withdrawn' && heard.length === 0) return undefined;
  const answers = isEnd(message) ? message.answers.filter(({ took }) => took) : [];
  const hasTaken = ({ name }: Channel): boolean =>
    answers.some(({ channel, took }) => took && channel === name);
  for (const { channel } of heard)
    if (!hasTaken(channel)) answers.push(...(await tell([channel], notice, signal)));
  if (!answers.some(({ took }) => took)) answers.push(...(await tell(others, notice, signal)));
  const isTold =
    answers.some(({ took }) => took) &&
    heard.every(({ channel, mustTake }) => !mustTake || hasTaken(channel)); // CO3
  // What an earlier try may have opened is still open, whatever this one was told.
  const isStillOpen = ({ took }: ChannelAnswer, at: number) =>
    !took && !isEnd(message) && message.answers[at]?.mayBeOpen;
  return {
    answers: answers.map((answer, at) =>
      clean(isStillOpen(answer, at) ? { ...answer, mayBeOpen: true } : answer),
    ),
    isTold,
  };
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
  const isOver = isEnd({ kind });
  const notice = harmless(
    {
      id: messageId,
      kind: isOver ? 'recovered' : (kind as Notice['kind']),
      rule,
      batch: batchName,
      subject,
      errorClass,
      firstSeen,
      lastSeen: isOver ? (resolvedAt ?? lastSeen) : lastSeen,
      fingerprint: alert.fingerprint,
      detail,
    },
    redact,
  );
  await ledger.saveMessageBody(id, notice);
  return notice;
}

interface Told {
  /** Those that took what the message is the end of: each of them is told. `mustTake`: what it was told stays open there. */
  readonly heard: readonly { readonly channel: Channel; readonly mustTake: boolean }[];
  /** Told in order until one takes it, where none of those did. */
  readonly others: readonly Channel[];
}

async function channelsOf(message: AlertMessage, definition: Definition, deps: CourierDeps): Promise<Told> {
  const takers = isEnd(message) ? await takersOf(message, deps) : new Map<string, Taker>();
  const isSilent = message.kind === 'withdrawn';
  const heard = [...takers.values()].filter(({ spec }) => !isSilent || keepsOpen(spec));
  const others =
    isSilent || heard.some(({ spec }) => keepsOpen(spec)) // CO3
      ? []
      : specsOf(definition.alerts, message.route).filter((spec) => !takers.has(canonicalJson(spec)));
  return {
    heard: heard.map(({ spec, toldBy }) => ({
      channel: openerOf(toldBy, deps)(spec),
      mustTake: keepsOpen(spec),
    })),
    others: others.map(openerOf(definition, deps)),
  };
}

const openerOf =
  ({ baseDir }: Definition, { env, now }: Pick<CourierDeps, 'env' | 'now'>) =>
  (spec: ChannelSpec): Channel =>
    openChannel(spec, { baseDir, env, now });

const specsOf = (channels: readonly ChannelSpec[], route: string): ChannelSpec[] =>
  channels.filter(({ also }, at) =>
    route === 'first' ? also !== true : route === `also-${at}` && also === true,
  );

interface Taker {
  readonly spec: ChannelSpec;
  /** As its batch file was then; the next one may have other channels. */
  readonly toldBy: Definition;
}

/** Who was told by that route before the end, each once. */
async function takersOf(
  { fingerprint = '', route, createdAt }: AlertMessage,
  { ledger, artifacts }: CourierDeps,
): Promise<ReadonlyMap<string, Taker>> {
  const newestFirst = await ledger.alertMessages({ fingerprint, limit: Number.MAX_SAFE_INTEGER });
  const before = newestFirst.filter((message) => message.createdAt < createdAt).reverse();
  const takers = new Map<string, Taker>();
  for (const message of heardOf(before)) {
    if (message.route !== route || !message.answers.some(isHeard)) continue;
    const toldBy = await readDefinition({ definition: message.definition }, artifacts);
    // Channels are asked in order until one takes it.
    for (const [at, spec] of specsOf(toldBy.alerts, route).entries()) {
      const answer = message.answers[at];
      if (answer && isHeard(answer)) takers.set(canonicalJson(spec), { spec, toldBy });
    }
  }
  return takers;
}

/**
 * Tells everybody whom an alert of the batch would reach, with nothing of it in the ledger.
 * @returns what those of each route said that were asked
 */
export async function tellNow(
  definition: Definition,
  notice: Notice,
  deps: Pick<CourierDeps, 'env' | 'now'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly ChannelAnswer[]>> {
  const redact = redactor(definition as unknown as Json, deps.env);
  const clean = harmless(notice, redact);
  const open = openerOf(definition, deps);
  const answers = new Map<string, readonly ChannelAnswer[]>();
  for (const route of routesOf(definition.alerts)) {
    const said = await tell(specsOf(definition.alerts, route).map(open), clean, signal);
    answers.set(
      route,
      said.map((answer) => ({ ...answer, said: redact(answer.said) })),
    );
  }
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
