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

/**
 * Whose effects are meant: of one batch, or of those of a work or a provider; undefined: of all. Here `all` says how many of
 * them. @throws UsageError when several are
 */
export function amongOf(
  name: string | undefined,
  { work, provider }: Pick<HoldFlags, 'work' | 'provider'>,
): string | HoldScope | undefined {
  if (name === undefined && work === undefined && provider === undefined) return undefined;
  if ([name, work, provider].filter((each) => each !== undefined).length > 1)
    throw new UsageError('give either the name of a batch, --work NAME, or --provider NAME');
  if (work !== undefined) return { kind: 'work', name: work };
  return provider === undefined ? name : { kind: 'provider', name: provider };
}

/** @throws UsageError */
export function levelOf(flag: string | undefined): PauseLevel | undefined {
  if (flag === undefined || isPauseLevel(flag)) return flag;
  throw new UsageError(`--level is admit, finish or freeze, not "${flag}"`);
}

/** Where no batch is meant by it. */
export const noneUnderWay = ({ kind }: HoldScope): string =>
  kind === 'all' ? 'no batch is under way' : 'no batch of it is under way';
