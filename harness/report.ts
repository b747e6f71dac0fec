import type { RATES } from './faults.js';
import { WORLDS, type World } from './night.js';
import type { Figures, NightRow } from './tally.js';

export interface Results extends Partial<Record<World, Figures>> {
  readonly seed: string;
  readonly nights: number;
  readonly firstNight: number;
  readonly jobsPerNight: number;
  readonly nightHours: number;
  readonly rates: typeof RATES;
  readonly node: string;
  /** Rows of nightshift's nights in which anything was not as it should be; the `RowBook` has all. */
  readonly notable: readonly NightRow[];
}

/** From so many nights on the naive rate has to be 12% ± 1.5 points; fewer say little. */
export const EXACT_FROM = 1_800;
const BROAD_FROM = 150;

/** What is not as it has to be; empty when all is well. */
export function gate({ naive, nightshift }: Results): string[] {
  const broken: string[] = [];
  if (naive && naive.nights >= BROAD_FROM) {
    const [low, high] = naive.nights >= EXACT_FROM ? [0.105, 0.135] : [0.05, 0.2];
    if (naive.failedShare < low || naive.failedShare > high)
      broken.push(
        `naive failed ${percent(naive.failedShare)} of nights, outside ${percent(low)} to ${percent(high)}`,
      );
    if (naive.duplicates === 0)
      broken.push('the naive script posted nothing twice: the fault model is too mild');
  }
  if (nightshift) {
    const { failedNights, duplicates, losses } = nightshift;
    if (failedNights > 0) broken.push(`nightshift failed ${failedNights} nights`);
    if (duplicates > 0) broken.push(`nightshift posted ${duplicates} twice`);
    if (losses > 0) broken.push(`nightshift lost ${losses}`);
  }
  return broken;
}

const NAMES: Readonly<Record<World, string>> = {
  naive: 'naive',
  retries: 'naive with retries',
  nightshift: 'nightshift',
};

const LINES: readonly (readonly [string, (figures: Figures) => string])[] = [
  ['failed nights', (f) => `${f.failedNights} of ${f.nights} (${percent(f.failedShare)})`],
  ['  not run, for calm', (f) => `${f.calmNotRun}`],
  ['  run, and calm', (f) => `${f.calm}`],
  ['  95% bound', (f) => percent(f.failedShareBound95)],
  ['  with parked jobs', (f) => `${f.failedNightsParkedToo}`],
  ['  95% bound', (f) => percent(f.parkedTooBound95)],
  ['  done, end not heard', (f) => `${f.endNotHeard}`],
  ['jobs needing a person', (f) => `${f.jobsNeedingPerson} (${percent(f.jobsNeedingPerson / f.jobs)})`],
  ['duplicates', (f) => `${f.duplicates}`],
  ['losses', (f) => `${f.losses}`],
  ['rubbish published', (f) => `${f.rubbishPublished}`],
  ['spent', (f) => `$${f.dollars.toFixed(2)}`],
  ['wasted', (f) => `$${f.dollarsWasted.toFixed(2)}`],
  ['calls while limited', (f) => `${f.callsWhileLimited}`],
  ['  told a minute before', (f) => `${f.ignoredWaits}`],
  ['minutes, median', (f) => `${Math.round(f.minutesMedian)}`],
  ['minutes, 95%', (f) => `${Math.round(f.minutesP95)}`],
];

export function textOf(results: Results): string {
  const shown = WORLDS.flatMap((world) => {
    const figures = results[world];
    return figures ? [{ name: NAMES[world], figures }] : [];
  });
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(24) : cell.padStart(22)))
      .join('')
      .trimEnd();
  const head = line(['', ...shown.map(({ name }) => name)]);
  const lines = LINES.map(([name, of]) => line([name, ...shown.map(({ figures }) => of(figures))]));
  return [`seed ${results.seed}, nights from ${results.firstNight} on`, head, ...lines, ''].join('\n');
}

const whole = (count: number): string => count.toLocaleString('en-US');
const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;

/** Three bars for each of two questions: how many nights failed, and how many posts came twice. */
export function plotOf(results: Results): string {
  const shown = WORLDS.flatMap((world) => {
    const figures = results[world];
    return figures ? [{ name: NAMES[world], figures }] : [];
  });
  const panels = [
    { title: 'Nights that failed, %', of: (f: Figures) => f.failedShare * 100, digits: 2 },
    {
      title: 'Posts that came twice, per 1,000 nights',
      of: (f: Figures) => (f.duplicates / f.nights) * 1000,
      digits: 0,
    },
  ];
  const body = panels.map(({ title, of, digits }, panel) => {
    const top = 40 + panel * 150;
    const most = Math.max(1e-9, ...shown.map(({ figures }) => of(figures)));
    const bars = shown.map(({ name, figures }, index) => {
      const value = of(figures);
      const y = top + 14 + index * 32;
      const width = Math.max(1, (value / most) * 360);
      return `<text x="150" y="${y + 16}" text-anchor="end">${name}</text><rect x="160" y="${y}" width="${width.toFixed(1)}" height="22" fill="${name === 'nightshift' ? '#1a7f5a' : '#b5523b'}"/><text x="${(168 + width).toFixed(1)}" y="${y + 16}">${value.toFixed(digits)}</text>`;
    });
    return `<text x="20" y="${top}" font-weight="bold">${title}</text>${bars.join('')}`;
  });
  const of = ({ nights, calmNotRun }: Figures): string =>
    `${whole(nights)} nights${calmNotRun > 0 ? ` (nothing was in store for ${whole(calmNotRun)} of them: not run)` : ''}`;
  const notes = [
    `nights of ${results.jobsPerNight} jobs, seed ${results.seed}, the same faults for all`,
    ...shown.map(({ name, figures }) => `${name}: ${of(figures)}`),
  ].map((note, index) => `<text x="20" y="${336 + index * 16}" font-size="12" fill="#555">${note}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400" font-family="sans-serif" font-size="14" role="img" aria-label="Failed nights and duplicates"><rect width="640" height="400" fill="#fff"/>${body.join('')}${notes.join('')}</svg>\n`;
}
