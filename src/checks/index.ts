/** Checks of artifacts: everything else imports them from here. */
export { runChecks, type CheckContext, type CheckFindings, type CheckRequest } from './run-checks.js';
export type { Earlier, EarlierArtifact } from './similarity.js';
