import { agentSchema, budgetSchema, checkSchema, effectSchema, nameSchema } from '../contract/batch-file.js';
import type { AgentSpec, CheckSpec, Definition, EffectSpec } from '../contract/batch-file.js';

/** What a batch says of adapters and checks. Of a file that is not good yet, the parts whose form is, at their places. */
export interface Declared {
  /** Absolute folder of the batch file. */
  readonly baseDir: string;
  readonly name?: string | undefined;
  readonly agent?: AgentSpec | undefined;
  readonly checks: readonly (CheckSpec | undefined)[];
  readonly effects: readonly (EffectSpec | undefined)[];
  readonly budget?: Definition['budget'];
}

/** @param value of the batch file, as it was parsed */
export function declaredIn(value: unknown, baseDir: string): Declared {
  const { name, agent, budget, checks, effects } = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Partial<Record<string, unknown>>;
  return {
    baseDir,
    name: nameSchema.safeParse(name).data,
    agent: agentSchema.safeParse(agent).data,
    budget: budgetSchema.safeParse(budget).data,
    checks: listOf(checks).map((check) => checkSchema.safeParse(check).data),
    effects: listOf(effects).map((effect) => effectSchema.safeParse(effect).data),
  };
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
