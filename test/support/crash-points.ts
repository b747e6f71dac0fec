import type { CrashPoint } from '../../src/activities/crash-points.js';

/**
 * Neither `http` nor `folder` hides anything or has twins. E8 and E9 are reached at other destinations
 * (test/conformance), E7 at one made of memory (test/unit/land-effect.test.ts).
 */
export const NOT_IN_A_BATCH: ReadonlySet<CrashPoint> = new Set<CrashPoint>(['E7', 'E8', 'E9']);
