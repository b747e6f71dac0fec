import { UsageError } from './errors.js';

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/**
 * Least time between two starts at a rate such as `40/m`, `10/s` or `500/h`; whole milliseconds, at least 1.
 * @throws UsageError
 */
export function paceMsOf(rate: string): number {
  const [, count = '0', unit = ''] = /^(\d{1,6})\/([smh])$/.exec(rate) ?? [];
  if (Number(count) === 0)
    throw new UsageError(`a rate is a number by second, minute or hour, such as 40/m, not "${rate}"`);
  return Math.ceil(UNIT_MS[unit as keyof typeof UNIT_MS] / Number(count));
}
