import type { Ledger } from '../../ledger/ledger.js';

/** How long a place outlives the last word of its holder. */
export const PLACE_LEASE_MS = 5 * 60_000;
const RENEW_AFTER_MS = 60_000;

/** Renews the places of all sessions of this process together: one transaction a minute, however many there are. */
export class PlaceKeeper {
  private readonly held = new Map<string, { readonly lane: string; readonly who: string }>();
  private readonly alive = new Set<string>();
  private renewedAt = performance.now();

  constructor(private readonly ledger: Ledger) {}

  took(lane: string, who: string): void {
    this.held.set(`${lane} ${who}`, { lane, who });
    this.alive.add(`${lane} ${who}`);
  }

  /** @returns whether this process had it */
  left(lane: string, who: string): boolean {
    this.alive.delete(`${lane} ${who}`);
    return this.held.delete(`${lane} ${who}`);
  }

  /** The session is still watched. One that nobody speaks for loses its place when the lease ends. */
  async isAlive(lane: string, who: string): Promise<void> {
    const name = `${lane} ${who}`;
    if (!this.held.has(name)) return;
    this.alive.add(name);
    if (performance.now() - this.renewedAt < RENEW_AFTER_MS) return;
    this.renewedAt = performance.now();
    const places = [...this.held].flatMap(([key, place]) => (this.alive.has(key) ? [place] : []));
    this.alive.clear();
    await this.ledger.keepPlaces(places, PLACE_LEASE_MS);
  }
}
