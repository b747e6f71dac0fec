import { duration, localTime, plural } from '../format.js';
import { Html, markup } from './html.js';
import type { CostPart, Night, NightPoint, Stop } from './model.js';
import { table } from './page-table.js';
import { activityPlot, lanesPlots, nightCostPlot, sitePlot, trendPlot } from './plots.js';
import { amount, amountTold, clock, cut, dayLong, number, percent, zoneOf } from './words.js';

const SITES_MAX = 10;

interface FigureOptions {
  readonly key?: Html;
  readonly onPaper?: boolean;
}

/** @param onPaper whether the table is printed: what it says must not stand elsewhere already */
const figure = (
  caption: string,
  svg: Html | { readonly wide: Html; readonly phone: Html },
  figures: Html,
  { key, onPaper = true }: FigureOptions = {},
): Html =>
  markup`<figure>
    <figcaption>${caption}</figcaption>
    <div class="scroll" role="region" aria-label="${caption} (plot)" tabindex="0">${svg instanceof Html ? svg : markup`<div class="desk">${svg.wide}</div><div class="phone">${svg.phone}</div>`}</div>
    ${key}
    <details${!onPaper && markup` class="long"`}>
      <summary>The figures as a table</summary>
      ${figures}
    </details>
  </figure>`;

export function timelineSection({ timeline, begunAt, openedAt }: Night, timeZone: string): Html {
  const { bins, lanes, stops, jobs, from, to } = timeline;
  if (jobs === 0)
    return markup`<h2 id="timeline">No job was worked on${begunAt < openedAt && ' in the last run'}</h2> ${stopList(stops, timeZone)}`;
  const busyBins = bins.filter(({ busy, good, bad }) => busy + good + bad > 0);
  const withSeconds = Date.parse(to) - Date.parse(from) < 600_000;
  const at = (iso: string) => clock(iso, timeZone, withSeconds);
  const zone = zoneOf(from, timeZone);
  const waited = lanes.filter(({ waitedMs }) => waitedMs > 0).length;
  return markup`<h2 id="timeline">The night on a line of time</h2>
    ${stopList(stops, timeZone)}
    ${figure(
      `Sessions and effects under way, by the clock of ${zone}`,
      activityPlot(timeline, timeZone),
      table(
        'Sessions and effects under way, by time',
        [
          { title: 'from', kind: 'when' },
          { title: 'under way at most', kind: 'number' },
          { title: 'ended well', kind: 'number' },
          { title: 'failed', kind: 'number' },
        ],
        busyBins.map(({ from: start, busy, good, bad }) => [
          at(start),
          number(busy),
          number(good),
          number(bad),
        ]),
      ),
      { onPaper: false },
    )}
    ${figure(
      lanes.length < jobs
        ? `The ${number(lanes.length)} jobs of ${number(jobs)} that say most: not done, tried most often, longest`
        : `Each job${waited > 0 ? ', its tries and its waits' : ''}`,
      lanesPlots(timeline, timeZone),
      table(
        'What single jobs went through',
        [
          { title: 'job', kind: 'wide' },
          { title: 'ended as' },
          { title: 'tries', kind: 'number' },
          { title: 'waited', kind: 'number' },
          { title: 'what happened', kind: 'wide' },
        ],
        lanes.map(({ title, state, tries, waitedMs, pieces }) => [
          markup`<bdi>${title}</bdi>`,
          state,
          number(tries),
          waitedMs > 0 ? duration(waitedMs) : '',
          pieces.map(
            ({ from: start, what }, index) => markup`${index > 0 && markup`<br />`}${at(start)} ${what}`,
          ),
        ]),
      ),
      { key: LANE_KEY },
    )}`;
}

const STOPS_SHOWN = 12;

/** When nothing new could start, and why. */
function stopList(stops: readonly Stop[], timeZone: string): Html | undefined {
  if (stops.length === 0) return undefined;
  const more = stops.length - STOPS_SHOWN;
  return markup`<ul class="stops">
    ${stops.slice(0, STOPS_SHOWN).map(
      ({ from, to, what, said }) =>
        markup`<li>
          ${localTime(from, timeZone)} to ${clock(to, timeZone, true)}
          (${duration(Date.parse(to) - Date.parse(from))}): <bdi>${what}</bdi>${said !== undefined && markup`. <span class="faint">It said: <bdi>${cut(said)}</bdi></span>`}
        </li>`,
    )}${more > 0 && markup`<li class="faint">and ${number(more)} more</li>`}
  </ul>`;
}

const swatch = (shape: string): Html =>
  new Html(`<svg width="26" height="14" viewBox="0 0 26 14" aria-hidden="true">${shape}</svg>`);

const LANE_KEY = markup`<ul class="key">
  <li>${swatch('<rect x="1" y="1" width="24" height="12" fill="var(--plot-good)"/>')}agent session</li>
  <li>${swatch('<rect x="1" y="4" width="24" height="6" fill="var(--plot-effect)"/>')}effect that landed</li>
  <li>
    ${swatch('<rect x="1" y="1" width="12" height="12" fill="var(--plot-bad)"/><path d="M16 3l8 8m0-8l-8 8" stroke="var(--plot-bad)" stroke-width="2"/>')}try
    that failed
  </li>
  <li>
    ${swatch('<path d="M1 7h24" stroke="var(--plot-wait)" stroke-width="1.5" stroke-dasharray="3 3"/>')}wait
  </li>
  <li>
    ${swatch('<rect x="2" y="2" width="22" height="10" fill="var(--plot-paper)" stroke="var(--plot-good)" stroke-width="1.5"/>')}not
    ended
  </li>
  <li>${swatch('<rect x="1" y="0" width="24" height="14" fill="var(--plot-stop)"/>')}paused, or a service
    closed</li>
</ul>`;

export function costSection(night: Night, timeZone: string): Html {
  const { bySite, byWork, cost, nights, notPaidAgainMicros } = night;
  const own = nights.filter(({ currency }) => currency === cost.currency);
  const sites = bounded(bySite.filter(({ currency }) => currency === cost.currency));
  const anyCost = bySite.some(({ costMicros }) => costMicros > 0);
  return markup`<h2 id="cost">What it cost</h2>
    <p>
      ${costSentence(cost)}${
        notPaidAgainMicros > 0 &&
        ` ${amount(notPaidAgainMicros, cost.currency)} was not paid again: those sessions were gone on with after a break.`
      }${cost.unknown > 0 && cost.costMicros > 0 && ` ${plural(cost.unknown, 'session')} told no cost and count as nothing.`}
    </p>
    <div class="pair">
      ${
        anyCost && sites.length > 0
          ? figure('By site', sitePlot(sites), partsTable('Cost by site', 'site', bySite))
          : partsTable('Cost by site', 'site', bySite)
      }
      ${
        own.some(({ costMicros }) => costMicros > 0) &&
        figure(
          own.length > 1 ? `This night and the ${plural(own.length - 1, 'night')} before` : 'This night',
          nightCostPlot(own, timeZone),
          nightsTable('Cost of the last nights', nights, timeZone),
          { onPaper: own.length < 2 },
        )
      }
    </div>
    <h3>By work</h3>
    ${partsTable('Cost by work', 'work', byWork)}`;
}

function costSentence({ costMicros, wastedMicros, currency, unknown }: CostPart): string {
  if (costMicros === 0 && unknown > 0)
    return `Nobody knows: ${unknown === 1 ? 'the session' : `none of the ${unknown} sessions`} told ${unknown === 1 ? 'no' : 'a'} cost.`;
  const wasted = `${amount(wastedMicros, currency)} bought nothing that is used (${percent(wastedMicros, costMicros)})`;
  return `${amount(costMicros, currency)}, of which ${wasted}.`;
}

/** The dearest, and the others as one. */
function bounded(parts: readonly CostPart[]): readonly CostPart[] {
  if (parts.length <= SITES_MAX) return parts;
  const rest = parts.slice(SITES_MAX - 1);
  const sum = (of: (part: CostPart) => number) => rest.reduce((total, part) => total + of(part), 0);
  return [
    ...parts.slice(0, SITES_MAX - 1),
    {
      key: `${rest.length} others`,
      currency: rest[0]?.currency ?? '',
      sessions: sum(({ sessions }) => sessions),
      costMicros: sum(({ costMicros }) => costMicros),
      wastedMicros: sum(({ wastedMicros }) => wastedMicros),
      unknown: sum(({ unknown }) => unknown),
    },
  ];
}

const partsTable = (label: string, by: string, parts: readonly CostPart[]): Html =>
  parts.length === 0
    ? markup`<p class="faint">No session was paid for.</p>`
    : table(
        label,
        [
          { title: by },
          { title: 'sessions', kind: 'number' },
          { title: 'cost', kind: 'number' },
          { title: 'wasted', kind: 'number' },
          { title: 'waste', kind: 'number' },
        ],
        parts.map(({ key, currency, sessions, costMicros, wastedMicros, unknown }) => [
          markup`<bdi>${key === '' ? `no ${by}` : key}</bdi>`,
          number(sessions),
          amountTold({ costMicros, currency, unknown }),
          amount(wastedMicros, currency),
          percent(wastedMicros, costMicros),
        ]),
      );

const nightsTable = (label: string, nights: readonly NightPoint[], timeZone: string): Html =>
  table(
    label,
    [
      { title: 'night', kind: 'when' },
      { title: 'state' },
      { title: 'jobs done', kind: 'number' },
      { title: 'sessions wasted', kind: 'number' },
      { title: 'cost', kind: 'number' },
      { title: 'wasted', kind: 'number' },
    ],
    [...nights]
      .reverse()
      .map((night) => [
        `${dayLong(night.openedAt, timeZone)}, ${clock(night.openedAt, timeZone)}`,
        night.state,
        `${number(night.finished)} of ${number(night.jobs)}`,
        `${number(night.wasted)} of ${number(night.sessions)}`,
        amountTold(night),
        amount(night.wastedMicros, night.currency),
      ]),
  );

export function trendSection({ nights }: Night, timeZone: string): Html {
  const whole = nights.filter(({ jobs, finished }) => finished === jobs).length;
  const before = nights.length - 1;
  return markup`<h2 id="trend">Are the nights getting better?</h2>
    <p>
      ${
        before === 0
          ? 'This is the first night of this name; there is nothing to compare it with yet.'
          : `${whole} of the last ${plural(nights.length, 'night')} ended with every job done.`
      }
    </p>
    ${
      before > 0 &&
      figure(
        'Jobs not done, and sessions wasted',
        trendPlot(nights, timeZone),
        nightsTable('The last nights', nights, timeZone),
      )
    }`;
}
