import { UsageError } from '../contract/errors.js';
import { isPauseLevel, type HoldScope, type PauseLevel } from '../contract/holds.js';

export interface HoldFlags {
  readonly all?: boolean;
  readonly work?: string;
  readonly provider?: string;
  readonly level?: string;
  readonly reason?: string;
}

/** What is meant beyond one batch; undefined: the batch of that name. @throws UsageError unless exactly one is meant */
export function scopeOf(name: string | undefined, { all, work, provider }: HoldFlags): HoldScope | undefined {
  const scopes: HoldScope[] = [
    ...(all ? [{ kind: 'all' } as const] : []),
    ...(work === undefined ? [] : [{ kind: 'work', name: work } as const]),
    ...(provider === undefined ? [] : [{ kind: 'provider', name: provider } as const]),
  ];
  if (scopes.length + (name === undefined ? 0 : 1) !== 1) {
    throw new UsageError(
      'what is meant? Give one of: the name of a batch, --work NAME, --provider NAME, or --all for everything',
    );
  }
  return scopes[0];
}

/** @throws UsageError */
export function levelOf(flag: string | undefined): PauseLevel | undefined {
  if (flag === undefined || isPauseLevel(flag)) return flag;
  throw new UsageError(`--level is admit, finish or freeze, not "${flag}"`);
}
