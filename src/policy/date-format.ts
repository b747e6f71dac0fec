const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * Writes times by the clock of a time zone, or of the process; kept, for making one costs a hundred times what using it
 * costs. A Workflow, which keeps what it made until it ends, has no environment to read a zone from.
 * @throws RangeError when there is no such zone
 */
export function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const asked = { hourCycle: 'h23', ...options } as const;
  const ofProcess = typeof process === 'undefined' ? undefined : process.env['TZ'];
  const name = JSON.stringify([options, ofProcess]);
  let format = formats.get(name);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', asked);
    formats.set(name, format);
  }
  return format;
}
