/**
 * What a run would do about one effect. `nothing`: the ledger has its receipt · `adopt`: it is there, and only the
 * receipt is missing · `conflict`: its place is taken, or was changed; a run holds it · `held`: a person has to
 * decide first · `unknown`: the destination was to be asked, and did not say.
 */
export const PLANNED_ACTIONS = [
  'create',
  'adopt',
  'update',
  'nothing',
  'conflict',
  'held',
  'unknown',
] as const;
export type PlannedAction = (typeof PLANNED_ACTIONS)[number];
