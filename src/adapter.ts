/** `nightshift/adapter`: everything that a provider, a publisher or a check of your own is written with. */
export * from './activities/providers/provider.js';
export * from './activities/publishers/publisher.js';
export { defineCheck, type CheckInput, type CheckModule } from './checks/define-check.js';
export { AdapterError, type ErrorClass, type ErrorFacts } from './contract/errors.js';
export type { Json, JsonObject } from './contract/json.js';
export type { Receipt } from './contract/receipt.js';
export type { Usage } from './ledger/ledger.js';
