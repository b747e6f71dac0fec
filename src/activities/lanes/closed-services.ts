import type { Definition } from '../../contract/batch-file.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { ClosedService } from '../../policy/closed-service.js';
import { agentAccount, mayBeLane } from './lane-key.js';

/** Services of a batch that are closed to us now. */
export async function closedServices(
  { agent, effects }: Pick<Definition, 'agent' | 'effects'>,
  ledger: Pick<Ledger, 'lanes'>,
): Promise<readonly ClosedService[]> {
  const services = [
    { subject: agent.use, ...agentAccount(agent) },
    ...effects.map(({ name, use, with: options, target }) => ({
      subject: `${name} (${use})`,
      name: use,
      options,
      target,
    })),
  ];
  return (await ledger.lanes()).flatMap(({ id, label, state: { gate } }) => {
    const subject = services.find((service) => mayBeLane({ id, label }, service))?.subject;
    if (subject === undefined || gate === undefined) return [];
    const { cause, needsPerson, since: sinceMs, retryAt: retryAtMs, why } = gate;
    return [{ subject, cause, ...(needsPerson && { needsPerson }), sinceMs, retryAtMs, why }];
  });
}
