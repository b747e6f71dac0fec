const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * Writes times by the clock of a time zone; kept, for making one costs a hundred times what using it costs. Without a zone
 * it is that of the process, which may change, and nothing is kept.
 * @throws RangeError when there is no such zone
 */
export function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const asked = { hourCycle: 'h23', ...options } as const;
  if (options.timeZone === undefined) return new Intl.DateTimeFormat('en-GB', asked);
  const name = JSON.stringify(options);
  let format = formats.get(name);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', asked);
    formats.set(name, format);
  }
  return format;
}
