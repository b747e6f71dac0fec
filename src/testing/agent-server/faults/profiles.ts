import { FAULTS, FAULT_NAMES, type FaultName } from './catalogue.js';
import { faultRuleSchema, type FaultRule } from './rules.js';

/**
 * `calm`: nothing goes wrong. `night`: an ordinary night. `storm`: twenty times as much. `one-fault:<name>`: the
 * first attempt of every run meets that fault once.
 */
export type ProfileName = 'calm' | 'night' | 'storm' | `one-fault:${FaultName}`;

export const PROFILE_NAMES: readonly ProfileName[] = [
  'calm',
  'night',
  'storm',
  ...FAULT_NAMES.map((name) => `one-fault:${name}` as const),
];

export const isProfile = (text: string): text is ProfileName => PROFILE_NAMES.some((name) => name === text);

/** Chance per call: with 18 calls of 0.15 % a job meets one of them in 2.7 % of the cases. */
const PER_CALL = {
  'server-error': 0.0005,
  'drop-before': 0.0004,
  'drop-after-commit': 0.0004,
  'truncate-body': 0.0002,
};
/** Chance per paid run. */
const PER_RUN = {
  throttle: 0.0035,
  'timeout-mid-run': 0.005,
  'sandbox-restart': 0.0025,
  'truncated-output': 0.0015,
  'empty-output': 0.0015,
  'fresh-404': 0.001,
  lost: 0.0005,
  refuse: 0.0005,
};
const STORM = 20;

/** @throws RangeError for a name that no profile has */
export function rulesOf(profile: ProfileName): FaultRule[] {
  switch (profile) {
    case 'calm':
      return [];
    case 'night':
      return chances(1);
    case 'storm':
      return chances(STORM);
    default:
      return once(profile);
  }
}

function chances(times: number): FaultRule[] {
  const entries = [...Object.entries(PER_RUN), ...Object.entries(PER_CALL)] as [FaultName, number][];
  return entries.flatMap(([fault, chance]) => {
    const p = Math.min(1, chance * times);
    if (!(fault in PER_RUN)) return [faultRuleSchema.parse({ do: fault, p })];
    return firstCalls(fault).map((match) => faultRuleSchema.parse({ match, do: fault, p }));
  });
}

function once(profile: string): FaultRule[] {
  const fault = FAULT_NAMES.find((name) => profile === `one-fault:${name}`);
  if (!fault) throw new RangeError(`no profile "${profile}": calm, night, storm or one-fault:<fault>`);
  return firstCalls(fault).map((match) =>
    faultRuleSchema.parse({ match: { ...match, attempt: 1, nth: 1 }, do: fault }),
  );
}

const firstCalls = (fault: FaultName) =>
  (['gemini', 'anthropic'] as const).flatMap((surface) => {
    const place = FAULTS[fault][surface];
    return place ? [{ surface, call: place.first }] : [];
  });
