import { readDefinition } from '../../batch/manifest.js';
import type { Definition } from '../../contract/batch-file.js';
import { AdapterError, type ErrorClass } from '../../contract/errors.js';
import type { JobRef } from '../../contract/messages.js';
import type { SessionRow } from '../../ledger/ledger.js';
import type { Deps } from '../deps.js';
import { agentAccount, laneIdOf } from '../lanes/lane-key.js';
import { agentLane } from '../lanes/lane-of.js';
import type { Provider, SessionHandle } from '../providers/provider.js';
import { beginEnding, type Ending } from './ending.js';
import { isRemote } from './scope.js';

/** What a session may have been begun under: the definition of its job as it is now, or an older one. */
export interface Under {
  readonly ref: Pick<JobRef, 'manifest' | 'key' | 'batchId'>;
  readonly definition: Definition;
  readonly deps: Pick<Deps, 'ledger' | 'now' | 'artifacts' | 'stateDir' | 'env' | 'graceOver'>;
}

/**
 * Whether a session belongs to another agent service than the one its job has now, or to another account there: its
 * batch was started again from an edited file, or another batch has the job now. What one account calls gone may be at
 * work in the other.
 * @returns what the agent is now, in words; undefined where the session is its own
 */
export async function otherAgent(
  session: SessionRow,
  provider: Provider,
  under: Under,
): Promise<string | undefined> {
  const { name } = provider.facts;
  if (session.provider !== name) return `the agent is ${name} now`;
  // A program of this host is found by its run directory, whatever it was started with.
  if (!isRemote(provider)) return undefined;
  const begun = await begunUnder(session, under);
  if (begun === undefined || accountOf(begun) === accountOf(under.definition)) return undefined;
  return `the agent has another account at ${name} now`;
}

const accountOf = ({ agent }: Definition): string => laneIdOf(agentAccount(agent)).id;

/**
 * With the provider that a session was begun with: no other one is to be shown its handle.
 * @throws AdapterError where it can't be made any more, or nobody knows its options
 */
export async function ownEnding(session: SessionRow, under: Under, signal?: AbortSignal): Promise<Ending> {
  const { definition, ref, deps } = under;
  const begun = (await begunUnder(session, under)) ?? definition;
  // In a lane that both have, the limits of now count.
  const limits = accountOf(begun) === accountOf(definition) ? definition : begun;
  const ending = await beginEnding(begun, agentLane(limits, ref, deps), deps, signal);
  if (ending.provider.facts.name === session.provider) return ending;
  throw new AdapterError('config', `nothing that is stored says how ${session.provider} was reached`);
}

/** Undefined where it is not known: an older release began the session, or it is not stored any more. */
async function begunUnder(
  { handle }: SessionRow,
  { ref, definition, deps }: Under,
): Promise<Definition | undefined> {
  const sha256 = (handle as SessionHandle | null | undefined)?.definition;
  if (sha256 === undefined) return undefined;
  if (sha256 === ref.manifest.definition) return definition;
  try {
    return await readDefinition({ definition: sha256 }, deps.artifacts);
  } catch (error) {
    if (error instanceof AdapterError && GONE.has(error.errorClass)) return undefined;
    throw error;
  }
}

const GONE: ReadonlySet<ErrorClass> = new Set(['lost', 'config']);
