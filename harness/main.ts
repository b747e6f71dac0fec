/** `npm run harness`: see docs/reference/harness.md. Progress on stderr, figures on stdout. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { accountAt } from './batch-file.js';
import { carryAll, type Carrier } from './carry.js';
import { JOBS, RATES, isCalm } from './faults.js';
import { NIGHT_HOURS, WORLDS, type World } from './night.js';
import { BLOCK_NIGHTS, withNightshift } from './nightshift-carrier.js';
import { Progress } from './progress.js';
import { gate, plotOf, textOf, type Results } from './report.js';
import { RowBook } from './row-book.js';
import { SCRIPT_NIGHTS, scriptCarrier } from './script-carrier.js';
import { byWorld, isClean } from './tally.js';

const { values } = parseArgs({
  options: {
    nights: { type: 'string', default: '150' },
    seed: { type: 'string' },
    night: { type: 'string' },
    eventful: { type: 'boolean', default: false },
    speed: { type: 'string', default: '360' },
    only: { type: 'string', multiple: true },
    at: { type: 'string', default: '24' },
    workers: { type: 'string', default: '6' },
    out: { type: 'string' },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const seed = values.seed ?? String(Date.now() % 1_000_000);
const speed = wholeNumber('speed', values.speed);
const first = values.night === undefined ? 1 : wholeNumber('night', values.night);
const nights = values.night === undefined ? wholeNumber('nights', values.nights) : 1;
const all = Array.from({ length: nights }, (_, index) => first + index);
const eventful = values.eventful ? all.filter((night) => !isCalm(seed, night)) : all;
const atOnce = wholeNumber('at', values.at);
const only = values.only?.map(worldOf);
const worlds = WORLDS.filter((world) => only === undefined || only.includes(world));
const dir = mkdtempSync(join(tmpdir(), 'nightshift-harness-'));

say(
  `seed ${seed}, ${nights} nights of ${JOBS} jobs from night ${first}, an hour is ${3600 / speed} s, in ${dir}`,
);
eventful.slice(0, BLOCK_NIGHTS).forEach((_, seat) => (process.env[accountAt(seat)] = 'harness'));
const book = new RowBook(seed, values.out);
const scripts = worlds.filter((world) => world !== 'nightshift').map((world) => scriptCarrier(world, speed));
await Promise.all(scripts.map((carrier) => carried(carrier, all.slice(0, SCRIPT_NIGHTS))));
const [begins] = worlds.includes('nightshift') ? book.without('nightshift', eventful) : [];
if (begins !== undefined) {
  const workers = wholeNumber('workers', values.workers);
  const receipts = values.out && join(values.out, `receipts-${seed}-from-${begins}.jsonl`);
  const settings = { dir, speed, atOnce, workers, receipts, say };
  await withNightshift(settings, (carrier) => carried(carrier, eventful));
}
const rows = book.of(all);
const results: Results = {
  seed,
  nights,
  firstNight: first,
  jobsPerNight: JOBS,
  nightHours: NIGHT_HOURS,
  rates: RATES,
  node: process.version,
  ...byWorld(rows, book.without('nightshift', all).length),
  notable: rows.filter((row) => row.world === 'nightshift' && !isClean(row)),
};
if (values.out !== undefined) {
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(values.out, 'results.svg'), plotOf(results));
}
process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : textOf(results));
if (values.night !== undefined) say(rows.map((row) => JSON.stringify(row, null, 2)).join('\n'));
if (!values.keep) rmSync(dir, { recursive: true, force: true });
const broken = gate(results);
for (const line of broken) say(`gate: ${line}`);
process.exit(broken.length === 0 ? 0 : 1);

/** The nights that the book does not have yet. */
async function carried(carrier: Carrier, these: readonly number[]): Promise<void> {
  const left = book.without(carrier.world, these);
  if (left.length < these.length)
    say(`${carrier.world}: ${these.length - left.length} nights are in ${values.out ?? ''} already`);
  await carryAll(carrier, left, { seed, progress: new Progress(carrier.world, left.length, say), book });
}

/** A night without anybody to carry it would pass every gate. */
function worldOf(text: string): World {
  const world = WORLDS.find((known) => known === text);
  if (world !== undefined) return world;
  say(`--only must be one of ${WORLDS.join(', ')}, not ${text}`);
  process.exit(64);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  say(`--${name} must be a whole number above 0, not ${text}`);
  process.exit(64);
}
