import type { AlertDetail, AlertRule, Notice, NoticeKind } from '../contract/alerts.js';
import type { ErrorClass } from '../contract/errors.js';
import type { AlertCause } from '../policy/alerts.js';

/** One cause that a person must see to, or had to. */
export interface AlertRow {
  readonly fingerprint: string;
  readonly batchName: string;
  readonly batchId: string;
  readonly rule: AlertRule;
  readonly subject: string;
  readonly errorClass: ErrorClass | undefined;
  readonly state: 'open' | 'resolved';
  readonly episode: number;
  readonly detail: AlertDetail;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly resolvedAt: string | undefined;
  readonly notifiedAt: string | undefined;
  readonly reminders: number;
}

/** `withdrawn`: an end that is no good news, told where what was told stays open until then, and to no person. */
export type AlertMessageKind = Exclude<NoticeKind, 'test'> | 'withdrawn';

export type PingKind = 'ping-start' | 'ping-success' | 'ping-fail';

/** `sent`: a channel took it · `failed`: none did within its time · `dropped`: its cause was gone before it went out. */
export interface AlertMessage {
  readonly id: string;
  /** The same on all routes and tries. */
  readonly messageId: string;
  readonly fingerprint: string | undefined;
  readonly batchName: string;
  readonly kind: AlertMessageKind | PingKind;
  /** `first`: the channels in order, until one takes it · `also-<n>`: channel n by itself · `dead-man`. */
  readonly route: string;
  /** Hash of the stored definition whose channels are meant. */
  readonly definition: string;
  readonly body: Notice | undefined;
  readonly state: 'pending' | 'sent' | 'failed' | 'dropped';
  readonly tries: number;
  readonly createdAt: string;
  readonly dueAt: string;
  readonly expiresAt: string;
  readonly endedAt: string | undefined;
  readonly answers: readonly ChannelAnswer[];
}

/** What a channel said. */
export interface ChannelAnswer {
  readonly channel: string;
  readonly took: boolean;
  readonly said: string;
  /** It gave no answer: it may have taken it all the same, and stays open there. */
  readonly mayBeOpen?: true;
}

/** Where messages about a batch go. */
export interface AlertRoutes {
  /** Hash of the stored definition that names the channels. */
  readonly definition: string;
  /** None: what is found is kept, and nobody is told. */
  readonly routes: readonly string[];
  /** Those of them on which what was told stays open until it is told to be over; none unless given. */
  readonly keepOpen?: readonly string[];
}

/** What a look at a batch has found. */
export interface AlertLook {
  readonly batchName: string;
  readonly batchId: string;
  /** With `batchId`, one is about another batch of that name. */
  readonly causes: readonly (AlertCause & { readonly batchId?: string })[];
  /** Whether an open alert of this batch name that was not found is over; `untold` where its end is no good news. */
  readonly isOver: (alert: AlertRow) => boolean | 'untold';
  readonly routes: AlertRoutes;
  /** Milliseconds until the first message about a new cause may go out, so that it counts all that follow at once. */
  readonly gatherMs: number;
}

/** An alert of which people were told while nothing could be written down. */
export interface ToldAlert {
  readonly cause: AlertCause;
  readonly batchName: string;
  readonly batchId: string;
  /** ISO 8601. */
  readonly firstSeen: string;
  readonly messageId: string;
  /** Hash of the stored definition whose channels were told. */
  readonly definition: string;
  /** What those of each route said. */
  readonly answers: ReadonlyMap<string, readonly ChannelAnswer[]>;
}

export interface AlertLedger {
  /**
   * Opens, goes on with, reminds of and ends alerts, with the messages that this calls for, in one transaction.
   * Said again, it changes nothing but what is known of the causes.
   */
  noteAlerts(look: AlertLook): Promise<void>;
  /** Keeps it as it was told, and its end, which is to be told to the same people. Where another one has noted it, that is no change. */
  noteToldAlert(told: ToldAlert): Promise<void>;
  /** A ping for a dead-man monitor; the same run and kind again is no change. */
  queuePing(ping: {
    readonly kind: PingKind;
    readonly batchName: string;
    readonly runId: string;
    readonly definition: string;
  }): Promise<void>;
  /**
   * Messages about alerts that are due to be told again, as they were found last.
   * @param lookedAt batches whose alerts a look has told again, or put off; those about nights are found by none
   */
  queueReminders(lookedAt?: ReadonlySet<string>): Promise<void>;
  /** Batches whose alerts are due to be told again. */
  batchesToRemindOf(): Promise<readonly string[]>;
  /** Newest first. */
  alerts(filter?: {
    readonly open?: boolean;
    readonly batchName?: string;
    readonly fingerprint?: string;
    readonly limit?: number;
  }): Promise<readonly AlertRow[]>;
  alertMessages(filter?: {
    readonly states?: readonly AlertMessage['state'][];
    readonly fingerprint?: string;
    readonly limit?: number;
  }): Promise<readonly AlertMessage[]>;
  /**
   * Takes one message that is due, for so long; pings of one batch in order, and the end of a cause after what was told of
   * it by the same way. Undefined when none is.
   */
  takeMessage(leaseMs: number): Promise<AlertMessage | undefined>;
  /** What it says, from now on. Committed before it leaves. */
  saveMessageBody(id: string, body: Notice): Promise<void>;
  /** How a try went. */
  settleMessage(
    id: string,
    end:
      | { readonly kind: 'sent'; readonly answers: readonly ChannelAnswer[] }
      | { readonly kind: 'again'; readonly answers: readonly ChannelAnswer[]; readonly delayMs: number }
      | { readonly kind: 'failed' | 'dropped'; readonly answers: readonly ChannelAnswer[] },
  ): Promise<void>;
  /**
   * Whether a service has worked for a batch since then (ISO 8601): a session that began later was collected, or an
   * effect has landed.
   * @param subject provider or name of the effect that is meant; any unless given
   */
  worksSince(
    batchId: string,
    since: string,
    subject?: { readonly provider: string } | { readonly effect: string },
  ): Promise<boolean>;
  /** Jobs of which batches of that name have written receipts since then; ISO 8601. */
  landedSince(batchName: string, since: string): Promise<number>;
}
