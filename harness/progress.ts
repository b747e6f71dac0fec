import type { NightEnd } from './tally.js';

const EVERY_MS = 5_000;

/** Says now and then how far it is, and every failure at once. */
export class Progress {
  private readonly begun = Date.now();
  private done = 0;
  private failed = 0;
  private said = Date.now();

  constructor(
    private readonly world: string,
    private readonly nights: number,
    private readonly say: (line: string) => void,
  ) {}

  night(end: NightEnd): void {
    this.done++;
    if (end.failed) this.failed++;
    const isNews = end.world === 'nightshift' && end.errors.length > 0;
    if (isNews) this.say(`night ${end.night}: ${end.errors.join('; ')}`);
    if (this.done < this.nights && Date.now() - this.said < EVERY_MS) return;
    this.said = Date.now();
    const perMinute = (this.done * 60_000) / (Date.now() - this.begun);
    const left = Math.ceil((this.nights - this.done) / perMinute);
    this.say(
      `${this.world}: ${this.done} of ${this.nights} nights, ${this.failed} failed, ${Math.round(perMinute)} a minute, ${left} min left`,
    );
  }
}
