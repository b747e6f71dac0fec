import { AsyncLocalStorage } from 'node:async_hooks';

/** What the present step of a job can say of itself: for its log line and its span. */
export type StepFacts = Readonly<Record<string, string | number>>;

const present = new AsyncLocalStorage<Record<string, string | number>>();

/** Runs a step; what it notes meanwhile is found in `facts` afterwards, whether it succeeds or not. */
export const duringStep = <T>(facts: Record<string, string | number>, step: () => Promise<T>): Promise<T> =>
  present.run(facts, step);

/** Adds to the present step; nothing outside of one. No secrets, no bodies. */
export function noteStep(facts: StepFacts): void {
  const noted = present.getStore();
  if (noted) Object.assign(noted, facts);
}
