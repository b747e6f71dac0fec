/** What a keeper is told by its starter, as one JSON argument. */
export interface KeeperOrder {
  readonly stateDir: string;
  /** Path of the `temporal` program, and its version. */
  readonly binary: string;
  readonly version: string;
  /** How long nobody must have used the engine before it stops. */
  readonly idleMs: number;
}

const IDLE_SECONDS = 45;

/**
 * `NIGHTSHIFT_ENGINE_IDLE_SECONDS` of the environment, else 45 s: long enough for the pause between two commands
 * typed by hand, short enough that nothing is left a minute after the last one.
 */
export function idleMs(env: NodeJS.ProcessEnv): number {
  const text = env['NIGHTSHIFT_ENGINE_IDLE_SECONDS'];
  const seconds = text ? Number(text) : NaN;
  return (seconds >= 0 ? seconds : IDLE_SECONDS) * 1_000;
}

export const keeperArgument = (order: KeeperOrder): string => JSON.stringify(order);

/** The counterpart of {@link keeperArgument}; both ends are of one release, so nothing is checked. */
export const readKeeperOrder = (argument: string | undefined): KeeperOrder =>
  JSON.parse(argument ?? '') as KeeperOrder;
