import type { Draw } from '../draw.js';
import type { Store } from '../store.js';
import { chanceAllows, hitOf, isAbout, type FaultHit, type FaultRule, type Question } from './rules.js';

interface Entry {
  /** Stays the same when the server starts again on the same file. */
  readonly id: string;
  readonly rule: FaultRule;
  /** Service time. */
  readonly since: number;
}

/** Rules in the order in which they are asked: those added while running, those of the start, those of the profile. */
export class RuleBook {
  private readonly fixed: readonly Entry[];

  constructor(
    private readonly store: Store,
    rules: readonly FaultRule[],
    since: number,
  ) {
    this.fixed = rules.map((rule, index) => ({ id: `fixed ${index}`, rule, since }));
  }

  add(rule: FaultRule, since: number): void {
    const id = `added ${this.store.next('rules')}`;
    this.store.put('rule', id, { id, rule, since } satisfies Entry);
  }

  /** The first rule that strikes this call; counts it as used. */
  hit(question: Question, now: number, draw: Draw): FaultHit | undefined {
    const entries = [...this.store.list<Entry>('rule'), ...this.fixed];
    for (const { id, rule, since } of entries) {
      if (!isAbout(rule, question) || !chanceAllows(rule, question, id, draw)) continue;
      if (rule.times !== undefined && this.store.count(`rule ${id}`) >= rule.times) continue;
      const hit = hitOf(rule, question, draw);
      if (hit.do === 'auth' && now < since + hit.seconds * 1000) continue; // works until then
      this.store.next(`rule ${id}`);
      return hit;
    }
    return undefined;
  }
}
