import { padTo, widthOf } from './columns.js';
import { yellow, type Line } from './line.js';

export interface Bar {
  readonly title: string;
  /** Two parts of one amount, not negative. */
  readonly full: number;
  readonly light: number;
  readonly after: string;
}

const BAR_MIN = 10;
const BAR_MAX = 50;

/** Horizontal bars on one scale; an amount above nothing is at least one block. */
export function bars(rows: readonly Bar[], columns: number): Line[] {
  const titleWidth = Math.max(0, ...rows.map(({ title }) => widthOf(title)));
  const afterWidth = Math.max(0, ...rows.map(({ after }) => widthOf(after)));
  const room = Math.min(BAR_MAX, Math.max(BAR_MIN, columns - titleWidth - afterWidth - 4));
  const most = Math.max(...rows.map(({ full, light }) => full + light));
  const blocks = (amount: number) =>
    amount === 0 || most === 0 ? 0 : Math.max(1, Math.round((amount / most) * room));
  return rows.map(({ title, full, light, after }): Line => {
    const lightBlocks = blocks(light);
    const fullBlocks = Math.min(blocks(full), room - lightBlocks);
    const end = padTo('', room - fullBlocks - lightBlocks);
    return [
      `${padTo(title, titleWidth)}  ${'█'.repeat(fullBlocks)}`,
      yellow('░'.repeat(lightBlocks)),
      `${end}  ${padTo('', afterWidth - widthOf(after))}${after}`,
    ];
  });
}
