import type { ActiveJob } from '../ledger/ledger.js';

/** The step in hand, for one who would take a long wait for a long session. */
export const stepText = ({ step, sessionless }: Pick<ActiveJob, 'step' | 'sessionless'>): string =>
  step === 'agent' && sessionless ? 'waits for a session' : step;
