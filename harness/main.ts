/** `npm run harness`: see docs/reference/harness.md. Progress on stderr, figures on stdout. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { accountOf } from './batch-file.js';
import { loadProduct } from './product.js';
import type { ServiceCounts } from './agent-service.js';
import type { DestinationCounts } from './destination.js';
import { JOBS, RATES, isCalm, nightFaults, spellMinutes } from './faults.js';
import { naive } from './naive.js';
import { naiveWithRetries } from './naive-with-retries.js';
import { NIGHT_HOURS, WORLDS, type World } from './night.js';
import { nightshiftNight } from './nightshift-night.js';
import { Progress } from './progress.js';
import { EXACT_FROM, gate, joined, plotOf, textOf, type Results } from './report.js';
import { killScript, scriptNight } from './script-night.js';
import { byWorld, isClean, rowOf, type NightEnd, type NightRow, type Places } from './tally.js';
import { startFake, type Whose } from './wire.js';
import { WorkerGroup } from './worker-group.js';

/** Nights between two fresh pairs of fakes: what they remember is searched. */
const BLOCK = 250;
/** Scripts have all nights of a block at once. */
const SCRIPT_BLOCK = 900;
/** Scripts need nothing but timers: they keep their time at this speed on any machine. */
const SCRIPT_SPEED = 360;
/** From so many nights on their rate of failure is known to a point and a half. */
const SCRIPT_NIGHTS = EXACT_FROM;

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
const nights = values.night === undefined ? wholeNumber('nights', values.nights) : 1;
const all = Array.from({ length: nights }, (_, index) => first + index);
const eventful = values.eventful ? all.filter((night) => !isCalm(seed, night)) : all;
const atOnce = wholeNumber('at', values.at);
const worlds = WORLDS.filter((world) => values.only === undefined || values.only.includes(world));
const dir = mkdtempSync(join(tmpdir(), 'nightshift-harness-'));
const say = (line: string): void => void process.stderr.write(`${line}\n`);

say(
  `seed ${seed}, ${nights} nights of ${JOBS} jobs from night ${first}, an hour is ${3600 / speed} s, in ${dir}`,
);
for (const night of eventful) process.env[accountOf(night)] = 'harness';
const rows: NightRow[] = [];
const begun = Date.now();
await Promise.all(
  worlds.flatMap((world) =>
    world === 'nightshift' ? [] : [carryAll(world, all.slice(0, SCRIPT_NIGHTS), byScript(world), killScript)],
  ),
);
if (worlds.includes('nightshift')) {
  await withNightshift((carry, kill) => carryAll('nightshift', eventful, carry, kill));
}
const carried: Results = {
  seed,
  nights,
  firstNight: first,
  jobsPerNight: JOBS,
  nightHours: NIGHT_HOURS,
  speed,
  rates: RATES,
  node: process.version,
  seconds: Math.round((Date.now() - begun) / 1000),
  ...byWorld(rows, all.length - eventful.length),
  notable: rows.filter((row) => row.world === 'nightshift' && !isClean(row)),
};
const results = values.out === undefined ? carried : joined(earlierIn(values.out), carried);
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

type Carry = (night: number, twice: boolean, places: Places) => Promise<NightEnd>;

function byScript(world: 'naive' | 'retries'): Carry {
  const script = world === 'naive' ? naive : naiveWithRetries;
  return (night, twice, places) => scriptNight(script, { world, night }, twice, places);
}

/** These nights of one carrier, block after block. */
async function carryAll(
  world: World,
  carried: readonly number[],
  carry: Carry,
  kill: (whose: Whose) => void,
): Promise<void> {
  const progress = new Progress(world, carried.length, say);
  const isScript = world !== 'nightshift';
  const size = isScript ? SCRIPT_BLOCK : BLOCK;
  for (let begin = 0; begin < carried.length; begin += size) {
    const block = carried.slice(begin, begin + size);
    const [from, to] = [block[0] ?? 0, (block.at(-1) ?? 0) + 1];
    // Nights with long spells begin first: at the end nobody waits for one of them alone.
    const waiting = block.sort(
      (a, b) => spellMinutes(nightFaults(seed, b)) - spellMinutes(nightFaults(seed, a)),
    );
    const settings = { seed, speed: isScript ? Math.max(speed, SCRIPT_SPEED) : speed, from, to };
    const places: Places = {
      service: await startFake<ServiceCounts>('agent-service.ts', settings, kill),
      destination: await startFake<DestinationCounts>('destination.ts', settings, kill),
      speed: settings.speed,
    };
    const ends: NightEnd[] = [];
    const lane = async (): Promise<void> => {
      for (let night = waiting.shift(); night !== undefined; night = waiting.shift()) {
        const { twoStarts } = nightFaults(seed, night);
        const end = await carry(night, twoStarts, places);
        ends.push(end);
        progress.night(end);
      }
    };
    await Promise.all(Array.from({ length: isScript ? size : atOnce }, lane));
    const [shown, counts] = [await places.destination.counts(), await places.service.counts()];
    const own = ends.map((end) => rowOf(seed, end, shown, counts));
    rows.push(...own.sort((a, b) => a.night - b.night));
    if (values.out !== undefined) {
      mkdirSync(values.out, { recursive: true });
      appendFileSync(join(values.out, 'nights.jsonl'), own.map((row) => `${JSON.stringify(row)}\n`).join(''));
      writeFileSync(join(values.out, `destination-${world}-${from}.json`), JSON.stringify(shown.posts));
    }
    places.service.stop();
    places.destination.stop();
  }
}

/** Hosts the product: one engine and one ledger for all nights, a task queue for each worker process. */
async function withNightshift(
  use: (carry: Carry, kill: (whose: Whose) => void) => Promise<void>,
): Promise<void> {
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

/** The results that another run has left there. */
function earlierIn(folder: string): Results | undefined {
  const file = join(folder, 'results.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : undefined;
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  say(`--${name} must be a whole number above 0, not ${text}`);
  process.exit(64);
}
