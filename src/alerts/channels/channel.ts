import type { ChannelSpec, Notice } from '../../contract/alerts.js';
import type { ChannelAnswer } from '../../ledger/alert-rows.js';
import type { Environment } from '../../batch/secrets.js';

/** One way to reach a person, its secrets resolved. */
export interface Channel {
  /** Names it to people: no path, no secret. */
  readonly name: string;
  /** Sent once. Never throws: what went wrong is its answer. */
  send(notice: Notice, signal: AbortSignal): Promise<Omit<ChannelAnswer, 'channel'>>;
}

export interface ChannelContext {
  /** Folder of the batch file, for programs. */
  readonly baseDir: string;
  readonly env: Environment;
  readonly now: () => Date;
}

/** Longest that a channel may take over one message. */
export const CHANNEL_TIMEOUT_MS = 10_000;

export const took = (said: string): Omit<ChannelAnswer, 'channel'> => ({ took: true, said });
export const failed = (said: string): Omit<ChannelAnswer, 'channel'> => ({ took: false, said });

/** A name for each kind of channel; of URLs only the host, for the rest of them is often a secret. */
export function channelName(spec: ChannelSpec): string {
  switch (spec.use) {
    case 'webhook':
    case 'slack':
      return `${spec.use} ${hostOf(spec.url)}`;
    case 'ntfy':
      return `ntfy ${hostOf(spec.url ?? NTFY_URL)}`;
    case 'pagerduty':
      return `pagerduty ${hostOf(spec.url ?? PAGERDUTY_URL)}`;
    case 'email':
      return `email ${spec.to}`;
    case 'command':
      return `command ${spec.command[0] ?? ''}`;
  }
}

export const NTFY_URL = 'https://ntfy.sh';
export const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue';

/** Whether what it was told stays open there until it hears of the end, or a person closes it. */
export const keepsOpen = ({ use }: ChannelSpec): boolean => use === 'pagerduty';

/** Undefined parts show as the reference that stands for them. */
export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : '(from a variable)');
