import { AdapterError } from '../../../contract/errors.js';
import type { ProbeFinding } from '../publisher.js';
import { dishonest, ETAG_OF_NOTHING, honours, PROBE, probeName } from './conditions.js';
import type { ObjectStore } from './object-store.js';

/**
 * Reads, writes and deletes below the prefix, as the night will, by the one object that is there for it.
 * @param fixes what to do about a refusal, in the words of the store
 * @param conditional false: the operator has said that the store's conditions are not to be relied on
 */
export async function probeStore(
  store: ObjectStore,
  prefix: string,
  fixes: { readonly read: string; readonly write: string; readonly remove: string },
  conditional: boolean,
  signal: AbortSignal,
): Promise<ProbeFinding[]> {
  const name = probeName(prefix);
  const at = `${store.idBase}${name}`;
  const findings: ProbeFinding[] = [];
  const step = async (
    fix: string,
    look: () => Promise<ProbeFinding>,
    otherwise: 'fail' | 'warn' = 'fail',
  ) => {
    try {
      findings.push(await look());
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      findings.push({ status: otherwise, detail: error.message, fix });
    }
    return findings.at(-1)?.status !== 'fail';
  };

  const readable = await step(fixes.read, async () => {
    await store.head(name, signal);
    return { status: 'ok', detail: `${at} can be asked for` };
  });
  if (!readable) return findings;
  if (!conditional) {
    await step(fixes.write, async () => {
      await store.put(name, PROBE, 'always', signal);
      return {
        status: 'warn',
        detail: `${at} written; two runs at once may overwrite each other (check-then-put)`,
      };
    });
    return findings;
  }
  const written = await step(fixes.write, async () =>
    (await honours(store, prefix, 'create', signal))
      ? { status: 'ok', detail: `${at} written; creating it twice is refused` }
      : { status: 'fail', detail: dishonest(store, 'create') },
  );
  if (!written) return findings;
  await step(fixes.write, async () =>
    (await honours(store, prefix, 'update', signal))
      ? { status: 'ok', detail: 'replacing another version is refused' }
      : { status: 'warn', detail: dishonest(store, 'update') },
  );
  await step(
    fixes.remove,
    async () =>
      (await store.remove(name, { etag: ETAG_OF_NOTHING }, signal))
        ? {
            status: 'warn',
            detail: `${store.idBase} deletes an object although If-Match names another version`,
            fix: 'an unpublish may delete what somebody changed a moment before',
          }
        : { status: 'ok', detail: 'deleting another version is refused' },
    'warn',
  );
  return findings;
}
