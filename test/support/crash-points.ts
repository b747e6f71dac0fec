import type { CrashPoint } from '../../src/activities/crash-points.js';

/**
 * Neither `http` nor `folder` hides anything or has twins. E8 and E9 are reached at other destinations
 * (test/conformance), E7 at one made of memory (test/unit/land-effect.test.ts).
 */
export const NOT_IN_A_BATCH: ReadonlySet<CrashPoint> = new Set<CrashPoint>(['E7', 'E8', 'E9']);

/** Not come to by the agent `command`, which notes nothing before it starts its program. */
export const NOT_OF_A_PROGRAM: ReadonlySet<CrashPoint> = new Set<CrashPoint>(['A3']);
