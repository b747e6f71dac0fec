/** `90s`, `30m`, `2h`, `1d`, `500ms`; a bare number counts seconds. */
export type Duration = string | number;

/** Whole milliseconds of a duration that `durationSchema` accepted. */
export function durationMs(duration: Duration): number {
  if (typeof duration === 'number') return Math.round(duration * 1000);
  const [, amount = '0', unit = 's'] = /^([\d.]+)\s*(ms|s|m|h|d)$/.exec(duration) ?? [];
  const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? 1000;
  return Math.round(Number(amount) * unitMs);
}
