import type { ServiceCounts } from './agent-service.js';
import type { DestinationCounts } from './destination.js';
import { nightFaults, spellMinutes } from './faults.js';
import type { World } from './night.js';
import type { Progress } from './progress.js';
import type { RowBook } from './row-book.js';
import { rowOf, type NightEnd, type Places } from './tally.js';
import { startFake, type FakeSettings, type Whose } from './wire.js';

/** Takes one night to its end. */
export type Carry = (night: number, twice: boolean, places: Places) => Promise<NightEnd>;

/** One carrier, and how it is run. */
export interface Carrier {
  readonly world: World;
  readonly carry: Carry;
  readonly kill: (whose: Whose) => void;
  readonly speed: number;
  /** Nights at once. */
  readonly atOnce: number;
  /** Nights between two fresh pairs of fakes: what they remember is searched. */
  readonly block: number;
}

/** Takes these nights to their end, block after block. */
export async function carryAll(
  carrier: Carrier,
  nights: readonly number[],
  { seed, progress, book }: { readonly seed: string; readonly progress: Progress; readonly book: RowBook },
): Promise<void> {
  const { world, block: size } = carrier;
  for (let begin = 0; begin < nights.length; begin += size) {
    const block = nights.slice(begin, begin + size);
    const [from, to] = [block[0] ?? 0, (block.at(-1) ?? 0) + 1];
    const settings = { seed, speed: carrier.speed, from, to };
    const places: Places = { ...(await open(settings, carrier.kill)), speed: carrier.speed, block };
    const ends = await carryBlock(carrier, block, seed, places, progress);
    const [shown, counts] = [await places.destination.counts(), await places.service.counts()];
    const rows = ends.map((end) => rowOf(seed, end, shown, counts)).sort((a, b) => a.night - b.night);
    book.add(rows, { [`destination-${world}-${from}.json`]: shown.posts });
    places.service.stop();
    places.destination.stop();
  }
}

const open = async (
  settings: FakeSettings,
  kill: (whose: Whose) => void,
): Promise<Pick<Places, 'service' | 'destination'>> => ({
  service: await startFake<ServiceCounts>('agent-service.ts', settings, kill),
  destination: await startFake<DestinationCounts>('destination.ts', settings, kill),
});

async function carryBlock(
  { carry, atOnce }: Carrier,
  block: readonly number[],
  seed: string,
  places: Places,
  progress: Progress,
): Promise<NightEnd[]> {
  const ends: NightEnd[] = [];
  const spells = (night: number): number => spellMinutes(nightFaults(seed, night));
  // Nights with long spells begin first: at the end nobody waits for one of them alone.
  const waiting = [...block].sort((a, b) => spells(b) - spells(a));
  const lane = async (): Promise<void> => {
    for (let night = waiting.shift(); night !== undefined; night = waiting.shift()) {
      const end = await carry(night, nightFaults(seed, night).twoStarts, places);
      ends.push(end);
      progress.night(end);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return ends;
}
