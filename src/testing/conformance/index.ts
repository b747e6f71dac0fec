export { CHECKS } from './checks.js';
export type { Row } from './judge.js';
export {
  openRig,
  runConformance,
  type ConformanceOptions,
  type ConformanceReport,
} from './run-conformance.js';
export type { ConformanceSubject, Counted, FaultKind, Faults, ObjectName, Place } from './subject.js';
