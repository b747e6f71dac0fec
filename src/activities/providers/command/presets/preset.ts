import type { Duration } from '../../../../contract/batch-file.js';
import type { ErrorClass } from '../../../../contract/errors.js';
import type { CommandOptions } from '../options.js';
import type { RunPaths } from '../run-directory.js';
import type { BilledTokens, PriceTable } from '../../managed/price-table.js';

/** One agent CLI as its makers document it: data, and how it is called, resumed and read. */
export interface Preset {
  readonly name: string;
  /** Its makers' name for it, with the version that was looked at. */
  readonly title: string;
  readonly program: string;
  readonly install: string;
  /** Any one of them, named in `agent.env`, lets it in. */
  readonly credentials: readonly string[];
  /** Or one of these, under HOME: what its own login leaves behind. */
  readonly logins: readonly string[];
  /** Set unless the batch file sets them. */
  readonly env: Readonly<Record<string, string>>;
  /** `stdin`, or `argument` where the CLI reads no other. */
  readonly promptBy: 'stdin' | 'argument';
  /** Stopped when nothing of it grew for so long, unless the batch file says otherwise; absent where nothing need. */
  readonly quiet?: Duration;
  /** Whether it stops by itself at an amount of money. */
  readonly capsMoney: boolean;
  /** For its tokens, where it reports no money. */
  readonly prices: readonly PriceTable[];
  /** Something that it refuses on this host, said before anything starts. */
  refusesHost?(options: CommandOptions, env: Readonly<Record<string, string>>): string | undefined;
  /** Arguments of a new session, after the program. */
  argv(call: PresetCall): string[];
  /** Arguments that continue a session; absent where it can't. */
  resume?(call: PresetCall): string[];
  /** The id that a killed run had at the CLI: ours, or the one that it printed first. */
  sessionOf(paths: RunPaths, ours: string): Promise<string | undefined>;
  /** Files that grow while a session works, beside what it prints. */
  signs?(home: string, cwd: string, session: string): string[];
  /** What an ended run came to. Exit code 0 is never enough. */
  read(paths: RunPaths, ended: EndedRun): Promise<Reading>;
}

export interface PresetCall {
  readonly options: CommandOptions;
  readonly paths: RunPaths;
  readonly cwd: string;
  /** UUID of this attempt, or of the session to continue. */
  readonly session: string;
  readonly prompt: string;
  /** Until the deadline. */
  readonly leftMs: number;
}

export interface EndedRun {
  readonly rc: number;
  readonly maxThrottleMs: number;
  readonly now: Date;
}

export type PresetEnd =
  | { readonly kind: 'ok'; readonly text: string }
  | Failure
  /** The CLI knows the session from an earlier start, whose result is not here. */
  | { readonly kind: 'lost'; readonly message: string };

export interface Failure {
  readonly kind: 'failed';
  readonly errorClass: ErrorClass;
  readonly message: string;
  readonly retryAfterMs?: number;
}

export interface ModelUse {
  readonly model: string;
  readonly tokens: BilledTokens;
}

export interface Reading {
  readonly end: PresetEnd;
  /** Absent where the CLI said nothing about it. */
  readonly use?: readonly ModelUse[];
  /** The CLI's own reckoning in US dollars; no bill. */
  readonly usd?: number;
}
