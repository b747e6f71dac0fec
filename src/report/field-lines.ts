import { dim, type Line } from './line.js';

/** Names and values below each other; what is undefined is left out. */
export function fieldLines(fields: Readonly<Record<string, string | undefined>>): Line[] {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  const width = Math.max(...present.map(([name]) => name.length));
  return present.map(([name, value]) => [dim(`${name.padEnd(width)}  `), value ?? '']);
}
