import { callFault, nightFaults, type CallFault, type NightFaults, type Spell } from './faults.js';
import { minutesMs } from './night.js';
import type { FakeSettings, Whose } from './wire.js';

/** What one carrier's night has met so far at one fake: which call is the how many-th, and which spells have begun. */
export class Weather {
  readonly faults: NightFaults;
  private readonly calls = new Map<string, number>();
  private readonly until = new Map<string, number>();
  private morning = false;
  /** Calls that went wrong. */
  struck = 0;

  constructor(
    private readonly whose: Whose,
    private readonly settings: FakeSettings,
  ) {
    this.faults = nightFaults(settings.seed, whose.night);
  }

  nth(step: string): number {
    const nth = (this.calls.get(step) ?? 0) + 1;
    this.calls.set(step, nth);
    return nth;
  }

  /** @param step of that job; `job` undefined where the call does not say */
  call(job: number | undefined, step: string, rate?: number): CallFault {
    const nth = this.nth(`${job ?? 'any'} ${step} ${rate ?? ''}`);
    const fault = callFault(this.settings.seed, this.whose.night, job, step, nth, rate);
    if (fault !== 'none') this.struck++;
    return fault;
  }

  /** Lets a spell begin, once. */
  begin(name: string, minutes: number): void {
    if (this.morning || this.until.has(name)) return;
    this.until.set(name, Date.now() + minutesMs(minutes, this.settings.speed));
  }

  beginWith(name: string, job: number | undefined, spell: Spell | undefined): void {
    if (spell && spell.job === job) this.begin(name, spell.minutes);
  }

  /** Milliseconds left of a spell; 0 when it is over or has not begun. */
  leftMs(name: string): number {
    return this.morning ? 0 : Math.max(0, (this.until.get(name) ?? 0) - Date.now());
  }

  get deadCredential(): boolean {
    return this.faults.deadCredential && !this.morning;
  }

  /** True once. */
  once(name: string, wanted: boolean): boolean {
    return wanted && !this.morning && this.nth(`once ${name}`) === 1;
  }

  dawn(): void {
    this.morning = true;
  }
}

/** The weather of every night that a fake has seen. */
export class Weathers {
  private readonly known = new Map<string, Weather>();
  constructor(private readonly settings: FakeSettings) {}

  /** Calls that went wrong, by `<world>/<night>`. */
  struck(): Record<string, number> {
    return Object.fromEntries([...this.known].map(([name, { struck }]) => [name, struck]));
  }

  of({ world, night }: Whose): Weather {
    const name = `${world}/${night}`;
    let weather = this.known.get(name);
    if (!weather) this.known.set(name, (weather = new Weather({ world, night }, this.settings)));
    return weather;
  }
}
