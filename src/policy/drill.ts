import type { PlannedAction } from '../contract/planned-action.js';

/**
 * What a start after a restore would do about an effect that has landed. `known`: the backup has its receipt · `found`:
 * it landed since, and is found at its destination · `again`: it would be sent a second time · `asked`: a person would
 * have to decide first, or the destination did not say.
 */
export const FATES = ['known', 'found', 'again', 'asked'] as const;
export type Fate = (typeof FATES)[number];

const FATE_OF: Readonly<Record<PlannedAction, Fate>> = {
  nothing: 'known',
  adopt: 'found',
  create: 'again',
  update: 'again',
  conflict: 'asked',
  held: 'asked',
  unknown: 'asked',
};

/** @param action planned from the restored ledger, with its destination asked */
export const fateOf = (action: PlannedAction): Fate => FATE_OF[action];
