/**
 * How much stands still, the mildest first. `admit`: no further job begins, those under way finish · `finish`: the
 * step in hand is finished, and nothing new begins after it · `freeze`: as `finish`, and sessions under way go on at
 * their service unwatched.
 */
export const PAUSE_LEVELS = ['admit', 'finish', 'freeze'] as const;
export type PauseLevel = (typeof PAUSE_LEVELS)[number];

export const isPauseLevel = (value: unknown): value is PauseLevel =>
  PAUSE_LEVELS.some((level) => level === value);

/** What somebody does not say. */
export const DEFAULT_LEVEL: PauseLevel = 'finish';

/** Whose jobs stand still, beyond one batch: those there are, and those that start later. */
export type HoldScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'work'; readonly name: string }
  /** `agent.use` of the batch file. */
  | { readonly kind: 'provider'; readonly name: string };

/** A pause that is on, by whom and why. */
export interface Hold {
  readonly scope: HoldScope | { readonly kind: 'batch'; readonly name: string };
  readonly level: PauseLevel;
  readonly by: string;
  readonly reason: string | undefined;
  /** ISO 8601. */
  readonly since: string;
}

/** Beyond one batch. */
export interface WideHold extends Hold {
  readonly scope: HoldScope;
}

/** For people: `everything`, `work article`. */
export const scopeText = (scope: Hold['scope']): string =>
  scope.kind === 'all' ? 'everything' : `${scope.kind} ${scope.name}`;

/** The words of the command line that lift it. */
export const resumeWords = (scope: Hold['scope']): readonly string[] => ['resume', ...scopeWords(scope)];

/** The words of the command line that mean it. */
export const scopeWords = (scope: Hold['scope']): readonly string[] => {
  if (scope.kind === 'all') return ['--all'];
  return scope.kind === 'batch' ? [scope.name] : [`--${scope.kind}`, scope.name];
};

/** `work article is paused by ann: blog moves`. */
export const holdText = ({
  scope,
  by,
  reason,
}: Pick<Hold, 'scope' | 'by'> & { readonly reason?: string | undefined }): string =>
  `${scopeText(scope)} is paused by ${by}${reason === undefined ? '' : `: ${reason}`}`;
