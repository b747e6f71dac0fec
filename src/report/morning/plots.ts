import type { CustomSeriesRenderItem } from 'echarts';
import { MICROS } from '../../policy/money.js';
import { cutTo } from '../columns.js';
import { safeText } from '../safe-text.js';
import type { Html } from './html.js';
import type { CostPart, NightPoint, Piece, Timeline } from './model.js';
import { INK, svgOf } from './svg.js';
import { amount, clock, dayShort, percent } from './words.js';

const WIDE = 960;
const NARROW = 560;
const NARROW_HEIGHT = 230;

const axisText = { color: INK.faint, fontSize: 12 };
const plainAxis = {
  axisLine: { lineStyle: { color: INK.line } },
  axisTick: { show: false },
  splitLine: { show: false },
  axisLabel: axisText,
};
const countAxis = {
  ...plainAxis,
  type: 'value',
  minInterval: 1,
  axisLine: { show: false },
  splitLine: { lineStyle: { color: INK.line } },
};
/** The gap is wide: without a screen, the width of words is only estimated. */
const LEGEND = {
  top: 0,
  left: 0,
  itemWidth: 14,
  itemGap: 30,
  textStyle: { color: INK.text },
  selectedMode: false,
};
const still = { silent: true, emphasis: { disabled: true } };

const STEPS_MS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
].map((seconds) => seconds * 1000);
const TICKS_MAX = 9;
const PHONE_TICKS_MAX = 3;

/** Local times below a line of time, on round minutes. */
function timeAxis({ from, to }: Pick<Timeline, 'from' | 'to'>, timeZone: string, ticksMax = TICKS_MAX) {
  const [first, last] = [Date.parse(from), Date.parse(to)];
  const step =
    STEPS_MS.find((ms) => (last - first) / ms <= ticksMax) ??
    Math.ceil((last - first) / ticksMax / 86_400_000) * 86_400_000;
  const at = (ms: number): string => new Date(ms).toISOString();
  return {
    ...plainAxis,
    type: 'value',
    min: Math.floor(first / step) * step,
    max: Math.ceil(last / step) * step,
    interval: step,
    axisLabel: {
      ...axisText,
      hideOverlap: true,
      formatter: (ms: number) =>
        step >= 86_400_000 ? dayShort(at(ms), timeZone) : clock(at(ms), timeZone, step < 60_000),
    },
  };
}

const markArea = (stops: Timeline['stops'], named: boolean) => ({
  silent: true,
  itemStyle: { color: INK.stop },
  label: { show: named, color: INK.text, fontSize: 11, position: 'insideTop' },
  data: stops.map(({ from, to, what }) => [
    { name: cutTo(safeText(what), 40), xAxis: Date.parse(from) },
    { xAxis: Date.parse(to) },
  ]),
});

/** How much was under way, and what failed when. */
export function activityPlot(timeline: Timeline, timeZone: string): Html {
  const { bins, binMs, stops } = timeline;
  const middle = (from: string): number => Date.parse(from) + binMs / 2;
  const anyBad = bins.some(({ bad }) => bad > 0);
  return svgOf(
    'activity',
    'Sessions and effects under way over the night, and when tries failed. The table below has the same figures.',
    WIDE,
    190,
    {
      grid: { left: 40, right: 16, top: 34, bottom: 28 },
      legend: LEGEND,
      xAxis: timeAxis(timeline, timeZone),
      yAxis: countAxis,
      series: [
        {
          ...still,
          name: 'under way',
          type: 'line',
          step: 'middle',
          symbol: 'none',
          color: INK.good,
          lineStyle: { width: 1.5 },
          areaStyle: { opacity: 0.25 },
          data: bins.map(({ from, busy }) => [middle(from), busy]),
          markArea: markArea(stops, true),
        },
        ...(anyBad
          ? [
              {
                ...still,
                name: 'tries that failed',
                type: 'bar',
                z: 3,
                color: INK.bad,
                barMinWidth: 3,
                barMaxWidth: 10,
                data: bins.filter(({ bad }) => bad > 0).map(({ from, bad }) => [middle(from), bad]),
              },
            ]
          : []),
      ],
    },
  );
}

interface LanesLook {
  readonly id: string;
  readonly width: number;
  readonly laneHeight: number;
  readonly left: number;
  readonly titleColumns: number;
  readonly ticksMax: number;
  /** Titles stand above the line of their job, which is so much below the middle of its lane. */
  readonly titlesAbovePx?: number;
}

const WIDE_LANES: LanesLook = {
  id: 'lanes',
  width: WIDE,
  laneHeight: 22,
  left: 250,
  titleColumns: 37,
  ticksMax: TICKS_MAX,
};
/** As wide as a phone shows without scrolling. */
const PHONE_LANES: LanesLook = {
  id: 'lanes-phone',
  width: 350,
  laneHeight: 38,
  left: 8,
  titleColumns: 44,
  ticksMax: PHONE_TICKS_MAX,
  titlesAbovePx: 9,
};

/** The jobs that say most about the night, one line each; drawn for a desk and for a phone. */
export const lanesPlots = (
  timeline: Timeline,
  timeZone: string,
): { readonly wide: Html; readonly phone: Html } => ({
  wide: lanesPlot(timeline, timeZone, WIDE_LANES),
  phone: lanesPlot(timeline, timeZone, PHONE_LANES),
});

function lanesPlot(timeline: Timeline, timeZone: string, look: LanesLook): Html {
  const { lanes, stops } = timeline;
  const { titlesAbovePx = 0 } = look;
  const pieces = lanes.flatMap((lane, row) =>
    lane.pieces.map((piece) => ({
      kind: piece.kind,
      value: [row, Date.parse(piece.from), Date.parse(piece.to)],
    })),
  );
  return svgOf(
    look.id,
    'What single jobs went through: agent sessions, effects, failed tries and waits. The table below tells the same.',
    look.width,
    lanes.length * look.laneHeight + 44,
    {
      grid: { left: look.left, right: 16, top: 8, bottom: 28 },
      xAxis: {
        ...timeAxis(timeline, timeZone, look.ticksMax),
        splitLine: { show: true, lineStyle: { color: INK.line } },
      },
      yAxis: {
        ...plainAxis,
        type: 'category',
        inverse: true,
        axisLine: { show: false },
        axisLabel: {
          ...axisText,
          color: INK.text,
          interval: 0,
          ...(titlesAbovePx > 0 && { inside: true, margin: 0, verticalAlign: 'bottom' }),
        },
        z: 5, // over the times at which nothing could start
        data: lanes.map(
          ({ title }, row) => `${cutTo(safeText(title), look.titleColumns)}${'\u200b'.repeat(row)}`,
        ),
      },
      series: [
        {
          ...still,
          type: 'custom',
          clip: true,
          renderItem: pieceOf(
            pieces.map(({ kind }) => kind),
            titlesAbovePx,
          ),
          encode: { x: [1, 2], y: 0 },
          data: pieces.map(({ value }) => value),
          markArea: markArea(stops, false),
        },
      ],
    },
  );
}

/** Told apart by height and outline as well as by colour. */
const PIECE_LOOKS: Readonly<Record<Piece['kind'], { readonly height: number; readonly style: object }>> = {
  agent: { height: 12, style: { fill: INK.good } },
  effect: { height: 6, style: { fill: INK.effect } },
  failed: { height: 12, style: { fill: INK.bad } },
  open: { height: 12, style: { fill: INK.paper, stroke: INK.good, lineWidth: 1.5 } },
  wait: { height: 0, style: { stroke: INK.wait, lineWidth: 1.5, lineDash: [3, 3] } },
};
const PIECE_MIN_PX = 3;

const pieceOf =
  (kinds: readonly Piece['kind'][], belowPx: number): CustomSeriesRenderItem =>
  ({ dataIndex }, api) => {
    const row = Number(api.value(0));
    const [x = 0, middle = 0] = api.coord([Number(api.value(1)), row]);
    const y = middle + belowPx;
    const [end = 0] = api.coord([Number(api.value(2)), row]);
    const kind = kinds[dataIndex] ?? 'open';
    const { height, style } = PIECE_LOOKS[kind];
    if (kind === 'wait') return { type: 'line', shape: { x1: x, y1: y, x2: end, y2: y }, style };
    const width = Math.max(PIECE_MIN_PX, end - x);
    const shape = { x, y: y - height / 2, width, height };
    if (kind !== 'failed') return { type: 'rect', shape, style };
    // A cross at its end: red and blue are one colour to some.
    const cross = { x1: x + width + 3, y1: y - 4, x2: x + width + 11, y2: y + 4 };
    const stroke = { stroke: INK.bad, lineWidth: 2 };
    return {
      type: 'group',
      children: [
        { type: 'rect', shape, style },
        { type: 'line', shape: cross, style: stroke },
        { type: 'line', shape: { ...cross, y1: cross.y2, y2: cross.y1 }, style: stroke },
      ],
    };
  };

const nightNames = (nights: readonly NightPoint[], timeZone: string): string[] => {
  const days = nights.map(({ openedAt }) => dayShort(openedAt, timeZone));
  // Two starts of one day are told apart by their time.
  return days.map((day, at) =>
    days.filter((other) => other === day).length > 1
      ? `${day}\n${clock(nights[at]?.openedAt ?? '', timeZone)}`
      : day,
  );
};

/** @param nights of one currency */
export function nightCostPlot(nights: readonly NightPoint[], timeZone: string): Html {
  const currency = nights.at(-1)?.currency ?? '';
  return svgOf(
    'nightcost',
    'Cost of this night and those before it, useful and wasted. The table below has the same figures.',
    NARROW,
    NARROW_HEIGHT,
    {
      grid: { left: 62, right: 12, top: 34, bottom: 40 },
      legend: LEGEND,
      xAxis: { ...plainAxis, type: 'category', data: nightNames(nights, timeZone) },
      yAxis: {
        ...moneyAxis(
          nights.map(({ costMicros }) => costMicros),
          currency,
        ),
      },
      series: costSeries(nights),
    },
  );
}

const costSeries = (parts: readonly Pick<CostPart, 'costMicros' | 'wastedMicros'>[]) => [
  {
    ...still,
    name: 'useful',
    type: 'bar',
    stack: 'cost',
    barMaxWidth: 36,
    color: INK.good,
    data: parts.map(({ costMicros, wastedMicros }) => (costMicros - wastedMicros) / MICROS),
  },
  {
    ...still,
    name: 'wasted',
    type: 'bar',
    stack: 'cost',
    barMaxWidth: 36,
    color: INK.bad,
    data: parts.map(({ wastedMicros }) => wastedMicros / MICROS),
  },
];

/** Without a cost, an axis of its own would count from 0 to 1 of nothing. */
const moneyAxis = (micros: readonly number[], currency: string) => ({
  ...countAxis,
  minInterval: 0,
  splitNumber: 4,
  ...(Math.max(0, ...micros) === 0 && { max: 1 }),
  axisLabel: { ...axisText, formatter: (value: number) => amount(value * MICROS, currency) },
});

/** @param parts of one currency, the dearest first */
export function sitePlot(parts: readonly CostPart[]): Html {
  const currency = parts[0]?.currency ?? '';
  return svgOf(
    'sites',
    'Cost of each site, useful and wasted. The table below has the same figures.',
    NARROW,
    Math.max(110, parts.length * 26 + 64),
    {
      grid: { left: 130, right: 30, top: 34, bottom: 28 },
      legend: LEGEND,
      xAxis: moneyAxis(
        parts.map(({ costMicros }) => costMicros),
        currency,
      ),
      yAxis: {
        ...plainAxis,
        type: 'category',
        inverse: true,
        axisLabel: { ...axisText, color: INK.text, interval: 0 },
        data: parts.map(({ key }, row) => `${cutTo(safeText(key) || 'no site', 18)}${'\u200b'.repeat(row)}`),
      },
      series: costSeries(parts),
    },
  );
}

/** Shares that failed, night by night. */
export function trendPlot(nights: readonly NightPoint[], timeZone: string): Html {
  const share = (part: number, whole: number): number | null => (whole === 0 ? null : (part / whole) * 100);
  const worst = Math.max(
    1,
    ...nights.flatMap(({ jobs, finished, sessions, wasted }) => [
      share(jobs - finished, jobs) ?? 0,
      share(wasted, sessions) ?? 0,
    ]),
  );
  return svgOf(
    'trend',
    'Share of jobs that were not done and of sessions that were wasted, night by night. The table below has the figures.',
    NARROW,
    NARROW_HEIGHT,
    {
      grid: { left: 48, right: 16, top: 34, bottom: 40 },
      legend: { ...LEGEND, itemWidth: 26 },
      xAxis: { ...plainAxis, type: 'category', data: nightNames(nights, timeZone) },
      yAxis: {
        ...countAxis,
        minInterval: 0,
        max: Math.min(100, Math.ceil(worst / 5) * 5),
        splitNumber: 4,
        axisLabel: { ...axisText, formatter: (value: number) => percent(value, 100) },
      },
      series: [
        {
          ...still,
          name: 'jobs not done',
          type: 'line',
          color: INK.bad,
          symbol: 'rect',
          symbolSize: 8,
          lineStyle: { width: 2 },
          data: nights.map(({ jobs, finished }) => share(jobs - finished, jobs)),
        },
        {
          ...still,
          name: 'sessions wasted',
          type: 'line',
          color: INK.good,
          symbol: 'circle',
          symbolSize: 7,
          lineStyle: { width: 2, type: 'dashed' },
          data: nights.map(({ sessions, wasted }) => share(wasted, sessions)),
        },
      ],
    },
  );
}
