/** `npm run harness`: see docs/reference/harness.md. Progress on stderr, figures on stdout. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { accountOf } from './batch-file.js';
import { loadProduct } from './product.js';
import type { ServiceCounts } from './agent-service.js';
import type { Posts } from './destination.js';
import { JOBS, RATES, namesOf, nightFaults, spellMinutes } from './faults.js';
import { naive } from './naive.js';
import { naiveWithRetries } from './naive-with-retries.js';
import { NIGHT_HOURS, WORLDS, type World } from './night.js';
import { nightshiftNight } from './nightshift-night.js';
import { Progress } from './progress.js';
import { gate, plotOf, textOf, type Results } from './report.js';
import { killScript, scriptNight } from './script-night.js';
import { byWorld, rowOf, type NightEnd, type NightRow, type Places } from './tally.js';
import { startFake, type Whose } from './wire.js';
import { WorkerGroup } from './worker-group.js';

/** Nights between two fresh pairs of fakes: what they remember is searched. */
const BLOCK = 250;

const { values } = parseArgs({
  options: {
    nights: { type: 'string', default: '150' },
    seed: { type: 'string' },
    night: { type: 'string' },
    eventful: { type: 'boolean', default: false },
    speed: { type: 'string', default: '360' },
    only: { type: 'string', multiple: true },
    at: { type: 'string', default: '24' },
    workers: { type: 'string', default: '2' },
    out: { type: 'string' },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const seed = values.seed ?? String(Date.now() % 1_000_000);
const speed = wholeNumber('speed', values.speed);
const first = values.night === undefined ? 1 : wholeNumber('night', values.night);
const drawn = values.night === undefined ? wholeNumber('nights', values.nights) : 1;
const chosen = Array.from({ length: drawn }, (_, index) => first + index).filter(
  (night) => !values.eventful || namesOf(nightFaults(seed, night)).length > 0,
);
const nights = chosen.length;
const atOnce = wholeNumber('at', values.at);
const worlds = WORLDS.filter((world) => values.only === undefined || values.only.includes(world));
const dir = mkdtempSync(join(tmpdir(), 'nightshift-harness-'));
const say = (line: string): void => void process.stderr.write(`${line}\n`);

say(
  `seed ${seed}, ${nights} nights of ${JOBS} jobs from night ${first}, an hour is ${3600 / speed} s, in ${dir}`,
);
for (const night of chosen) process.env[accountOf(night)] = 'harness';
const rows: NightRow[] = [];
const begun = Date.now();
for (const world of worlds) {
  if (world === 'nightshift') await withNightshift(carryAll);
  else await carryAll(world, undefined, () => undefined);
}
const results: Results = {
  seed,
  nights,
  firstNight: first,
  eventfulOf: values.eventful ? drawn : undefined,
  jobsPerNight: JOBS,
  nightHours: NIGHT_HOURS,
  speed,
  rates: RATES,
  node: process.version,
  seconds: Math.round((Date.now() - begun) / 1000),
  ...byWorld(rows),
  eventful: rows.filter((row) => row.failed || row.duplicates > 0 || row.losses > 0 || row.needPerson > 0),
};
if (values.out !== undefined) {
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(values.out, 'nights.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  writeFileSync(join(values.out, 'results.svg'), plotOf(results));
}
process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : textOf(results));
if (values.night !== undefined) say(rows.map((row) => JSON.stringify(row, null, 2)).join('\n'));
if (!values.keep) rmSync(dir, { recursive: true, force: true });
const broken = gate(results);
for (const line of broken) say(`gate: ${line}`);
process.exit(broken.length === 0 ? 0 : 1);

type Carry = (night: number, twice: boolean, places: Places) => Promise<NightEnd>;

/** All nights of one carrier, block after block. */
async function carryAll(world: World, carry: Carry | undefined, kill: (whose: Whose) => void): Promise<void> {
  const progress = new Progress(world, nights, say);
  for (let from = first; from < first + drawn; from += BLOCK) {
    const to = Math.min(from + BLOCK, first + drawn);
    // Nights with long spells begin first: at the end nobody waits for one of them alone.
    const waiting = chosen
      .filter((night) => night >= from && night < to)
      .sort((a, b) => spellMinutes(nightFaults(seed, b)) - spellMinutes(nightFaults(seed, a)));
    const settings = { seed, speed, from, to };
    const onKill = (whose: Whose): void => (whose.world === 'nightshift' ? kill(whose) : killScript(whose));
    const places: Places = {
      service: await startFake<ServiceCounts>('agent-service.ts', settings, onKill),
      destination: await startFake<Posts>('destination.ts', settings, onKill),
      speed,
    };
    const ends: NightEnd[] = [];
    const lane = async (): Promise<void> => {
      for (let night = waiting.shift(); night !== undefined; night = waiting.shift()) {
        const { twoStarts } = nightFaults(seed, night);
        const script = world === 'naive' ? naive : naiveWithRetries;
        const end = carry
          ? await carry(night, twoStarts, places)
          : await scriptNight(script, { world, night }, twoStarts, places);
        ends.push(end);
        progress.night(end);
      }
    };
    await Promise.all(Array.from({ length: carry ? atOnce : atOnce * 8 }, lane));
    const [posts, counts] = [await places.destination.counts(), await places.service.counts()];
    const own = ends.map((end) => rowOf(seed, end, posts, counts));
    rows.push(...own.sort((a, b) => a.night - b.night));
    if (values.out !== undefined) {
      mkdirSync(values.out, { recursive: true });
      writeFileSync(join(values.out, `destination-${world}-${from}.json`), JSON.stringify(posts));
    }
    places.service.stop();
    places.destination.stop();
  }
}

/** Hosts the product: one engine and one ledger for all nights, a task queue for each worker process. */
async function withNightshift(use: typeof carryAll): Promise<void> {
  const { createNightshift } = await loadProduct();
  const state = join(dir, 'state');
  process.env['NIGHTSHIFT_HEARTBEAT_SECONDS'] ??= '5';
  const engine = createNightshift({ state, onProgress: say });
  await engine.engine(); // one start, before the workers ask
  const groups = Array.from(
    { length: wholeNumber('workers', values.workers) },
    (_, index) => new WorkerGroup(state, `harness-${index}`, speed),
  );
  const clients = groups.map(({ taskQueue }) => createNightshift({ state, taskQueue }));
  await Promise.all(groups.map((group) => group.whenReady()));
  try {
    await use(
      'nightshift',
      (night, twice, places) => {
        const client = clients[night % clients.length] ?? engine;
        return nightshiftNight(client, join(dir, 'batches'), night, twice, places);
      },
      ({ night }) => groups[night % groups.length]?.kill(),
    );
  } finally {
    for (const group of groups) group.stop();
    await Promise.all([engine, ...clients].map((client) => client.close()));
  }
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  say(`--${name} must be a whole number above 0, not ${text}`);
  process.exit(64);
}
