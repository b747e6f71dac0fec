import { channelTrouble } from '../alerts/channel-trouble.js';
import type { Batch } from '../batch/read-batch.js';
import type { Environment } from '../batch/secrets.js';
import { formatProblem, type Problem } from '../contract/errors.js';
import type { Finding } from './doctor.js';

/** What keeps channels of a batch from telling anybody, at its place in the batch file. Stops no run. */
export async function channelProblems(
  { file, definition, placeOf }: Batch,
  env: Environment,
): Promise<Problem[]> {
  return (await channelTrouble(definition, env)).map(({ path, at, message, hint }) => ({
    file,
    ...placeOf({ path, at }),
    message,
    ...(hint !== undefined && { hint }),
  }));
}

/** The same for `doctor`. */
export async function channelFindings(batch: Batch, env: Environment): Promise<Finding[]> {
  return (await channelProblems(batch, env)).map(({ hint, ...problem }) => ({
    subject: 'alerts',
    status: 'warn',
    detail: formatProblem(problem),
    ...(hint !== undefined && { fix: hint }),
  }));
}
