import { UsageError } from '../contract/errors.js';
import { isPauseLevel, type Hold, type HoldScope, type PauseLevel } from '../contract/holds.js';

export interface HoldFlags {
  readonly all?: boolean;
  readonly work?: string;
  readonly provider?: string;
  readonly level?: string;
  readonly reason?: string;
}

/** @throws UsageError unless exactly one is meant */
export function scopeOf(name: string | undefined, { all, work, provider }: HoldFlags): Hold['scope'] {
  const scopes: Hold['scope'][] = [
    ...(name === undefined ? [] : [{ kind: 'batch', name } as const]),
    ...(all ? [{ kind: 'all' } as const] : []),
    ...(work === undefined ? [] : [{ kind: 'work', name: work } as const]),
    ...(provider === undefined ? [] : [{ kind: 'provider', name: provider } as const]),
  ];
  const [scope, ...others] = scopes;
  if (scope === undefined || others.length > 0) {
    throw new UsageError(
      'what is meant? Give one of: the name of a batch, --work NAME, --provider NAME, or --all for everything',
    );
  }
  return scope;
}

/** @throws UsageError */
export function levelOf(flag: string | undefined): PauseLevel | undefined {
  if (flag === undefined || isPauseLevel(flag)) return flag;
  throw new UsageError(`--level is admit, finish or freeze, not "${flag}"`);
}

/** Where no batch is meant by it. */
export const noneUnderWay = ({ kind }: HoldScope): string =>
  kind === 'all' ? 'no batch is under way' : 'no batch of it is under way';
