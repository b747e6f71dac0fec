import type { ActiveJob } from '../ledger/ledger.js';

/** The step in hand, for one who would take a long wait for a long session. What is waited for may be a destination. */
export const stepText = ({ step, sessionless }: Pick<ActiveJob, 'step' | 'sessionless'>): string =>
  step === 'agent' && sessionless ? 'before its session' : step;
