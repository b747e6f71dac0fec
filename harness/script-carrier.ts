import type { Carrier } from './carry.js';
import { naive } from './naive.js';
import { naiveWithRetries } from './naive-with-retries.js';
import { EXACT_FROM } from './report.js';
import { killScript, scriptNight } from './script-night.js';

/** Scripts need little but timers; where other programs take the machine, even these come late at this speed. */
const SPEED = 360;
const BLOCK = 900;
/** With more at once the services of the harness, not those of the night, would be what they wait for. */
const AT_ONCE = 150;
/** From so many nights on the rate of failure of a script is known well enough. */
export const SCRIPT_NIGHTS = EXACT_FROM;

export function scriptCarrier(world: 'naive' | 'retries', speed: number): Carrier {
  const script = world === 'naive' ? naive : naiveWithRetries;
  return {
    world,
    carry: (night, twice, places) => scriptNight(script, { world, night }, twice, places),
    kill: killScript,
    speed: Math.max(speed, SPEED),
    atOnce: AT_ONCE,
    block: BLOCK,
  };
}
