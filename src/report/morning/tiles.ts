import { duration, plural } from '../format.js';
import { countParts } from '../job-counts.js';
import { textOf } from '../line.js';
import type { MorningReport, Night } from './model.js';
import { amount, amountTold, number, percent } from './words.js';

export interface Tile {
  readonly title: string;
  readonly value: string;
  readonly notes: readonly string[];
}

/** The figures that a person wants before all others. */
export function tilesOf({ madeAt }: MorningReport, night: Night): readonly Tile[] {
  const { counts, finished, totals, cost, duplicates, landed, state, begunAt, openedAt, closedAt } = night;
  const again = begunAt < openedAt;
  const tookMs = Date.parse(closedAt ?? madeAt) - Date.parse(openedAt);
  return [
    {
      title: 'jobs done',
      value: `${number(finished)} of ${number(counts.jobs)}`,
      notes: [countParts(counts).map(textOf).join(', ')],
    },
    {
      title: 'spent',
      value: amountTold(cost),
      notes: [
        ...(cost.wastedMicros > 0
          ? [
              `${amount(cost.wastedMicros, cost.currency)} of it wasted (${percent(cost.wastedMicros, cost.costMicros)})`,
            ]
          : []),
        ...(cost.unknown > 0 ? [`${plural(cost.unknown, 'session')} told no cost`] : []),
      ],
    },
    {
      title: 'agent sessions',
      value: number(totals.sessions.started),
      notes: totals.sessions.wasted > 0 ? [`${number(totals.sessions.wasted)} wasted`] : [],
    },
    {
      title: 'effects landed',
      value: number(landed.total),
      notes: [
        ...(totals.effects.adopted > 0 ? [`${number(totals.effects.adopted)} of them found done`] : []),
        ...(totals.effects.unknown > 0 ? [`${number(totals.effects.unknown)} of unknown outcome`] : []),
        ...(totals.effects.held > 0 ? [`${number(totals.effects.held)} held`] : []),
      ],
    },
    {
      title: 'duplicates prevented',
      value: number(duplicates.total),
      notes: duplicates.parts.map(({ what }) => what),
    },
    {
      title: closedAt === undefined ? 'under way for' : again ? 'its last run took' : 'took',
      value: duration(tookMs),
      notes: [state],
    },
  ];
}
