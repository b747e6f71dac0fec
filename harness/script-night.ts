import { messageOf } from '../src/contract/thrown.js';
import { jobsOf, minutesIn, minutesMs, NIGHT_HOURS, type ScriptNight } from './night.js';
import type { NightEnd, Places } from './tally.js';
import type { Whose } from './wire.js';

type Script = (night: ScriptNight) => Promise<void>;

/** Scripts that run now, and how to kill them: a killed one never goes on, whatever it waits for. */
const alive = new Map<string, () => void>();

export function killScript({ world, night }: Whose): void {
  alive.get(`${world}/${night}`)?.();
}

/**
 * A night with a script: started in the evening (now and then twice), and in the morning, where it did not come to its
 * end, started again by a person, from the top, in good weather.
 */
export async function scriptNight(
  script: Script,
  whose: Whose,
  twice: boolean,
  places: Places,
): Promise<NightEnd> {
  const begun = Date.now();
  const { speed } = places;
  const minutesNow = (): number => minutesIn(Date.now() - begun, speed);
  const night: ScriptNight = {
    jobs: jobsOf(whose.night),
    service: `${places.service.url}/${whose.world}/${whose.night}`,
    destination: `${places.destination.url}/${whose.world}/${whose.night}`,
    sleep: (minutes) => new Promise((resolve) => setTimeout(resolve, minutesMs(minutes, speed))),
    minutesNow,
    minutesIn: (ms) => minutesIn(ms, speed),
  };
  const errors: string[] = [];
  const run = async (): Promise<void> => {
    try {
      await script(night);
    } catch (error) {
      errors.push(messageOf(error));
    }
  };
  const name = `${whose.world}/${whose.night}`;
  const killed = new Promise<void>((resolve) => {
    alive.set(name, () => {
      errors.push('killed');
      resolve();
    });
  });
  await Promise.race([Promise.all(twice ? [run(), run()] : [run()]), killed]);
  alive.delete(name);
  const minutes = minutesNow();
  const nightErrors = [...errors];
  const isLate = minutes > NIGHT_HOURS * 60;
  const endedAt = Date.now();
  if (nightErrors.length > 0) {
    places.service.morning(whose);
    places.destination.morning(whose);
    await run();
  }
  return {
    ...whose,
    begun,
    endedAt,
    minutes,
    speed,
    failed: nightErrors.length > 0 || isLate,
    errors: nightErrors,
    states: {},
  };
}
