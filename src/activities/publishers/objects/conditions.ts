import { AdapterError } from '../../../contract/errors.js';
import { withTimeLimit } from '../../../time-limit.js';
import { PROBE_NAME } from './object-name.js';
import { REQUEST_TIMEOUT_MS, type NewObject, type ObjectStore } from './object-store.js';

/** A condition of writing that a store may know, or silently pass over. */
export type ConditionKind = 'create' | 'update';

export const PROBE: NewObject = {
  body: Buffer.from('nightshift put this here to see whether conditional writes are honoured.\n'),
  contentType: 'text/plain; charset=utf-8',
  metadata: {},
};
/** No content has it: what a store must refuse to replace. */
export const ETAG_OF_NOTHING = '"00000000000000000000000000000000"';

export const probeName = (prefix: string): string => (prefix === '' ? PROBE_NAME : `${prefix}/${PROBE_NAME}`);

/** True when a second object can't take the name of the first, or an unknown version can't be replaced. */
export async function honours(
  store: ObjectStore,
  prefix: string,
  kind: ConditionKind,
  signal: AbortSignal,
): Promise<boolean> {
  const name = probeName(prefix);
  // Refused: it was there already, from an earlier night. Written: the same must not work twice.
  const created = await store.put(name, PROBE, 'absent', signal);
  if (kind === 'create') return !created || !(await store.put(name, PROBE, 'absent', signal));
  return !(await store.put(name, PROBE, { etag: ETAG_OF_NOTHING }, signal));
}

/** Answers of this process, by store and kind: only good ones, so that a store put right is believed at once. */
const known = new Map<string, Promise<void>>();

/**
 * Asks a store once in a process whether it honours a condition, by an object of ours below the prefix.
 * @throws AdapterError `config` where it does not; else what the store said. Never with `sent: 'maybe'`, for it is
 *   the probe that was sent
 */
export async function assertHonours(
  store: ObjectStore,
  cacheKey: string,
  prefix: string,
  kind: ConditionKind,
): Promise<void> {
  const key = `${kind} ${cacheKey}`;
  const asked = known.get(key) ?? ask(store, prefix, kind);
  known.set(key, asked);
  try {
    await asked;
  } catch (error) {
    known.delete(key);
    throw error;
  }
}

async function ask(store: ObjectStore, prefix: string, kind: ConditionKind): Promise<void> {
  let good: boolean;
  try {
    // Several effects may wait for this answer: none of them may stop it.
    good = await withTimeLimit(2 * REQUEST_TIMEOUT_MS, undefined, (signal) =>
      honours(store, prefix, kind, signal),
    );
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    const { errorClass, message, facts } = error;
    throw new AdapterError(errorClass === 'unknown' ? 'transient' : errorClass, `probe: ${message}`, {
      ...facts,
      sent: 'no',
    });
  }
  if (!good) throw new AdapterError('config', dishonest(store, kind), { sent: 'no' });
}

export const dishonest = ({ idBase }: ObjectStore, kind: ConditionKind): string =>
  kind === 'create'
    ? `${idBase} replaces an object although If-None-Match: * forbids it, so two runs could overwrite each other; ` +
      'use a store that honours conditional writes, or set onUnconditional: check-then-put and accept that'
    : `${idBase} replaces an object although If-Match names another version, so a revision could overwrite what ` +
      'somebody changed; use a store that honours it, or set onUnconditional: check-then-put and accept that';
