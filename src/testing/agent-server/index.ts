export { startAgentServer, type AgentServer, type AgentServerOptions } from './agent-server.js';
export { FAULT_NAMES, type FaultName } from './faults/catalogue.js';
export type { ProfileName } from './faults/profiles.js';
export type { FaultRule, FaultRuleInput } from './faults/rules.js';
export type { LoggedRequest } from './http/dispatch.js';
export type { AgentLedger, RunCount } from './ledger.js';
