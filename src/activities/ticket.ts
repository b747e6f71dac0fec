import type { StoredJob } from '../batch/manifest.js';
import { jobTitle, type Effect } from '../contract/job.js';
import type { Ticket } from '../contract/messages.js';

/** What a Workflow is told of a job that it is to start. @param again see `Ticket` */
export function ticketOf(
  { job, offset, length }: StoredJob,
  effects: readonly Pick<Effect, 'key'>[],
  again: boolean,
): Ticket {
  const { key, identity, fingerprint, revision } = job;
  const { site, edition } = identity;
  return {
    key,
    title: jobTitle(identity),
    site,
    ...(edition !== undefined && { edition }),
    offset,
    length,
    fingerprint,
    revision,
    effectKeys: effects.map((effect) => effect.key),
    again,
  };
}
