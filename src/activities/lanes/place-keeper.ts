import type { HeldPlace, Ledger } from '../../ledger/ledger.js';

/** How long a place outlives the last word of its holder. */
export const PLACE_LEASE_MS = 5 * 60_000;
/** Whoever watches a session says so that often, and all of a process are renewed together. */
export const KEEP_EVERY_MS = 60_000;

/** Renews the places of all sessions of this process together: one transaction a minute, however many there are. */
export class PlaceKeeper {
  private readonly held = new Map<string, HeldPlace>();
  private readonly alive = new Set<string>();
  private readonly lost = new Set<string>();
  private renewedAt = performance.now();

  constructor(private readonly ledger: Ledger) {}

  took(lane: string, who: string): void {
    const name = nameOf({ lane, who });
    this.held.set(name, { lane, who });
    this.alive.add(name);
    this.lost.delete(name);
  }

  /** @returns whether this process had it */
  left(lane: string, who: string): boolean {
    const name = nameOf({ lane, who });
    this.alive.delete(name);
    this.lost.delete(name);
    return this.held.delete(name);
  }

  /**
   * The session is still watched. One that nobody speaks for loses its place when the lease ends.
   * @returns whether it was lost meanwhile, and has to be taken again
   */
  async isLost(lane: string, who: string): Promise<boolean> {
    const name = nameOf({ lane, who });
    if (!this.held.has(name)) return false;
    this.alive.add(name);
    if (performance.now() - this.renewedAt >= KEEP_EVERY_MS) await this.renew();
    return this.lost.has(name);
  }

  private async renew(): Promise<void> {
    this.renewedAt = performance.now();
    const places = [...this.held].flatMap(([key, place]) => (this.alive.has(key) ? [place] : []));
    this.alive.clear();
    for (const place of await this.ledger.keepPlaces(places, PLACE_LEASE_MS)) this.lost.add(nameOf(place));
  }
}

const nameOf = ({ lane, who }: HeldPlace): string => `${lane} ${who}`;
