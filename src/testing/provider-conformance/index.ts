export { PROVIDER_CHECKS, type ProviderRow } from './checks.js';
export {
  openProviderRig,
  runProviderConformance,
  type ProviderConformanceOptions,
  type ProviderReport,
} from './run-conformance.js';
export type { AgentPlace, Behaviour, ProviderSubject, RunName, SessionsCounted } from './subject.js';
