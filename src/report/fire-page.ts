import { init } from 'echarts/dist/echarts.esm.min';
import type { Fire, Preview } from '../client/schedules/views.js';
import { DAY_MS } from '../contract/units.js';
import { dateFormat } from '../policy/date-format.js';
import { wallOf } from '../policy/nights.js';
import { localTime, plural } from './format.js';
import { htmlText } from './html-text.js';

const WIDTH = 960;
const ROW = 28;

/** One page that works offline: the times to come as a plot of days by hours, and as a table. */
export function firePage(preview: Preview, timeZone: string): string {
  const { fires, from, to, schedules } = preview;
  const together = fires.filter(({ collides }) => collides.length > 0);
  const verdict =
    together.length === 0
      ? 'No two schedules are due in the same minute.'
      : `${plural(together.length, 'time')} fall together with another schedule in the same minute.`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Nights to come</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Nights to come</h1>
<p>${htmlText(`${plural(schedules.length, 'schedule')}, ${plural(fires.length, 'time')} from ${localTime(from, timeZone)} to ${localTime(to, timeZone)}, clock of ${timeZone}. ${verdict}`)}</p>
<figure>
${plotOf(preview, timeZone)}
<figcaption>A dot is a time that a schedule is due. Diamonds fall together with another schedule. The table below has all of them.</figcaption>
</figure>
<div class="table" role="region" aria-label="All times" tabindex="0">
<table>
<thead><tr><th scope="col">When</th><th scope="col">Schedule</th><th scope="col">Its own clock</th><th scope="col">Falls together with</th></tr></thead>
<tbody>
${fires.map((fire) => rowOf(fire, timeZone)).join('\n')}
</tbody>
</table>
</div>
</main>
</body>
</html>
`;
}

const rowOf = ({ schedule, at, local, timeZone: own, collides }: Fire, timeZone: string): string =>
  `<tr${collides.length > 0 ? ' class="together"' : ''}>${[
    localTime(at, timeZone),
    schedule,
    `${local} ${own}`,
    collides.join(', '),
  ]
    .map((text) => `<td>${htmlText(text)}</td>`)
    .join('')}</tr>`;

/** Days across, hours of the day down: what falls together lies together. */
function plotOf({ fires, from, to, schedules }: Preview, timeZone: string): string {
  const days = daysBetween(from, to, timeZone);
  const height = 24 * ROW * 0.6 + 120;
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({
    animation: false,
    textStyle: { fontFamily: 'system-ui, sans-serif', color: '#767676' },
    color: ['#2563eb', '#0d9488', '#9333ea', '#b45309', '#4d7c0f', '#0369a1', '#be185d', '#57534e'],
    grid: { left: 56, right: 16, top: 16, bottom: 96 },
    legend: { bottom: 0, data: [...schedules], textStyle: { color: '#767676' } },
    xAxis: {
      type: 'category',
      data: days,
      axisTick: { alignWithLabel: true },
      axisLabel: { color: '#767676', hideOverlap: true },
    },
    yAxis: {
      type: 'value',
      min: 0,
      max: 24,
      interval: 3,
      inverse: true,
      axisLabel: { color: '#767676', formatter: (hour: number) => `${String(hour).padStart(2, '0')}:00` },
      splitLine: { lineStyle: { color: '#8884' } },
    },
    series: schedules.map((name) => ({
      name,
      type: 'scatter',
      data: fires
        .filter(({ schedule }) => schedule === name)
        .map(({ at, collides }) => {
          const { hour, minute } = wallOf(new Date(at), timeZone);
          const value = [days.indexOf(dayOf(new Date(at), timeZone)), hour + minute / 60];
          return collides.length === 0
            ? { value, symbolSize: 9 }
            : { value, symbol: 'diamond', symbolSize: 15, itemStyle: { color: '#dc2626' } };
        }),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  const label = `Times of ${schedules.length} schedules by day and hour; the table below says the same`;
  return svg.replace('<svg ', `<svg role="img" aria-label="${htmlText(label)}" `);
}

function daysBetween(from: string, to: string, timeZone: string): string[] {
  const days = new Set<string>();
  for (let ms = Date.parse(from); ms <= Date.parse(to); ms += DAY_MS / 4)
    days.add(dayOf(new Date(ms), timeZone));
  days.add(dayOf(new Date(to), timeZone));
  return [...days];
}

const dayOf = (at: Date, timeZone: string): string =>
  dateFormat({ timeZone, weekday: 'short', day: 'numeric', month: 'short' }).format(at);

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; background: Canvas; color: CanvasText; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
figure { margin: 1.5rem 0; overflow-x: auto; }
figure svg { max-width: 100%; height: auto; }
figcaption { font-size: .875rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid #8884; white-space: nowrap; }
.together td { font-weight: 600; }
.together td:last-child { text-decoration: underline; text-decoration-color: #dc2626; }
@media print { :root { color-scheme: light; } .table, figure { overflow: visible; } }
`;
