import { addReadyMade } from './anthropic/catalogue-routes.js';
import type { RuleBook } from './faults/rule-book.js';
import { faultRuleSchema, type FaultRuleInput } from './faults/rules.js';
import type { World } from './http/call.js';
import type { LoggedRequest } from './http/dispatch.js';
import { ledgerOf, type AgentLedger } from './ledger.js';

/** What a test may do to a server and ask of it. Each change is durable when the method returns. */
export class Controls {
  constructor(
    private readonly world: World,
    private readonly rules: RuleBook,
  ) {}

  ledger(): AgentLedger {
    return ledgerOf(this.world);
  }

  /** Oldest first; the last 100,000. */
  requests(): LoggedRequest[] {
    return this.world.store.logged<LoggedRequest>();
  }

  /** @throws z.ZodError for a rule that can never strike */
  addFault(rule: FaultRuleInput): void {
    const { store, clock } = this.world;
    const checked = faultRuleSchema.parse(rule);
    store.transaction(() => this.rules.add(checked, clock.now()));
  }

  /** Moves time at the service forward. */
  advance(ms: number): void {
    this.world.clock.advance(ms);
  }

  now(): number {
    return this.world.clock.now();
  }

  /**
   * Forgets runs, files, requests, counts and added faults. Time goes on; faults of the start stay, and so do the agent
   * and the environment that are there from the start.
   */
  reset(): void {
    const { store } = this.world;
    store.transaction(() => {
      store.clear();
      addReadyMade(this.world);
    });
  }
}
