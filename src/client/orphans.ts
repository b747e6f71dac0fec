import { agentLane, passingIn } from '../activities/lanes/lane-of.js';
import { endingContext } from '../activities/providers/ending-context.js';
import { providerFor } from '../activities/providers/provider-for.js';
import type { Provider, ProviderContext, SessionHandle } from '../activities/providers/provider.js';
import { HELD_MAX_MS } from '../activities/session/ending.js';
import type { Batch } from '../batch/read-batch.js';
import { AdapterError } from '../contract/errors.js';
import type { NewRequest } from '../ledger/ledger.js';
import { standingOf, type Standing } from '../policy/orphan.js';
import type { EndOptions } from './abandoned.js';
import type { Connections } from './connections.js';

/** A session that still holds something at its service. */
export interface RemoteSession {
  readonly provider: string;
  readonly runKey: string;
  readonly attempt: number;
  /** Ids at the service, for people who look there. */
  readonly ids: Readonly<Record<string, unknown>>;
  readonly standing: Standing;
  /** Whose it was, where the ledger knows. */
  readonly job: { readonly work: string; readonly jobKey: string } | undefined;
  /** What was done about it; why it could not be ended. */
  readonly outcome: 'left' | 'ended' | 'failed';
  readonly why?: string;
}

/** `end` is about those that nobody will come back to. */
export interface SweepOptions extends EndOptions {
  readonly since: Date;
}

/**
 * Looks through the sessions at the agent service of a batch, and ends those that no job owns. What this ledger does not
 * know is never touched: the account may serve others.
 * @throws AdapterError `config` where the provider can't list its sessions; other classes when it can't be asked
 */
export async function sweepSessions(
  { definition }: Pick<Batch, 'definition'>,
  connections: Connections,
  { end, since, reason }: SweepOptions,
): Promise<readonly RemoteSession[]> {
  const ledger = await connections.ledger();
  const context = endingContext(() => new Date());
  const lane = agentLane(definition, { key: 'orphans', batchId: 'doctor' }, { ledger });
  // A person asks for all of it, and one request after another leaves room for the night's.
  const turn = () => lane.turn(context.signal, { heldUntil: performance.now() + HELD_MAX_MS });
  const provider = await providerFor(definition, connections.config, passingIn(lane, turn));
  if (!provider.sweep) {
    throw new AdapterError('config', `the provider ${provider.facts.name} can’t list its sessions`);
  }
  const found: RemoteSession[] = [];
  try {
    for await (const handle of provider.sweep(since, context)) {
      const known = await ledger.sessionOf(handle);
      const standing = standingOf(known);
      const { runKey, attempt, ids } = handle;
      const job = known && { work: known.work, jobKey: known.jobKey };
      const about = { provider: provider.facts.name, runKey, attempt, ids, standing, job };
      if (standing !== 'orphan' || !end) found.push({ ...about, outcome: 'left' });
      else {
        // The ledger's handle knows more ids than the list shows.
        const ended = await ending(provider, fuller(known?.handle, handle), context);
        found.push({ ...about, ...ended });
        await ledger.recordRequest(requestOf({ ...about, ...ended }, connections.who, reason));
      }
    }
  } catch (error) {
    throw error instanceof AdapterError ? error : provider.classify(error, 'sweep');
  }
  return found;
}

const requestOf = ({ job, outcome, why }: RemoteSession, by: string, reason?: string): NewRequest => {
  const said = [reason, why].filter((part) => part !== undefined).join(': ');
  return {
    by,
    what: 'end-orphan',
    outcome: outcome === 'ended' ? 'done' : 'failed',
    ...(job && { work: job.work, jobKeys: [job.jobKey] }),
    ...(said !== '' && { reason: said }),
  };
};

const fuller = (saved: unknown, listed: SessionHandle): SessionHandle => {
  const known = saved as SessionHandle | undefined;
  return known === undefined || known === null ? listed : { ...known, ids: { ...known.ids, ...listed.ids } };
};

async function ending(
  provider: Provider,
  handle: SessionHandle,
  context: ProviderContext,
): Promise<Pick<RemoteSession, 'outcome' | 'why'>> {
  try {
    await provider.cancel(handle, context);
    await provider.release?.(handle, context);
    return { outcome: 'ended' };
  } catch (error) {
    return { outcome: 'failed', why: provider.classify(error, 'cancel').message };
  }
}
