import type { Fire, Preview } from '../client/schedules/views.js';
import { wallOf } from '../policy/nights.js';
import { padTo, widthOf } from './columns.js';
import { dim, red, type Line, type Span } from './line.js';

/** Hours between the marks below the plot. */
const MARK_EVERY = 6;

/**
 * When in the day schedules are due, one line for each: a column is an hour, of the days of the preview together.
 * `o` due · `X` together with another schedule, in the same minute.
 */
export function firePlot({ schedules, fires }: Preview, timeZone: string): Line[] {
  const width = Math.max(0, ...schedules.map(widthOf));
  const rows = schedules.map((name): Line => {
    const own = fires.filter(({ schedule }) => schedule === name);
    return [`${padTo(name, width)}  `, ...hours().map((hour) => cell(own, hour, timeZone))];
  });
  const scale = hours()
    .filter((hour) => hour % MARK_EVERY === 0)
    .map((hour) => `${String(hour).padStart(2, '0')}:00`.padEnd(MARK_EVERY * 2))
    .join('')
    .trimEnd();
  return [...rows, [dim(`${padTo('', width)}  ${scale}  ${timeZone}`)]];
}

const hours = (): number[] => Array.from({ length: 24 }, (_, hour) => hour);

function cell(fires: readonly Fire[], hour: number, timeZone: string): Span {
  const here = fires.filter(({ at }) => wallOf(new Date(at), timeZone).hour === hour);
  if (here.length === 0) return dim('. ');
  return here.some(({ collides }) => collides.length > 0) ? red('X ') : 'o ';
}
