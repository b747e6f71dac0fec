import { askAgent } from '../activities/ask-ahead.js';
import type { Batch } from '../batch/read-batch.js';
import { refusesAll } from '../policy/refuses-all.js';
import type { Connections } from './connections.js';
import type { Finding } from './doctor.js';
import { lookContext } from './look-context.js';

/** Whether the service of a batch's agent can be reached, and takes our credentials. Spends nothing. */
export async function probeAgent(
  { definition }: Batch,
  { config }: Pick<Connections, 'config'>,
): Promise<Finding[]> {
  const subject = `agent: ${definition.agent.use}`;
  const { env, stateDir } = config;
  const answer = await askAgent(definition, { env, stateDir, context: lookContext() });
  if (answer === 'nobody to ask') return [];
  if (answer === 'answered') return [{ subject, status: 'ok', detail: 'answers, and takes the credentials' }];
  if (answer === 'late') {
    const fix = 'look at the service; jobs of a night wait for it';
    return [{ subject, status: 'warn', detail: 'gave no answer in time', fix }];
  }
  const refused = refusesAll(answer);
  return [
    {
      subject,
      status: refused ? 'fail' : 'warn',
      detail: `${answer.errorClass}: ${answer.message}`,
      fix: refused
        ? 'put that right where workers run: no job of a night begins before'
        : 'the service has trouble; look again later',
    },
  ];
}
