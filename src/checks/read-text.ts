import { threads, type ThreadPool } from '../threads/thread-pool.js';
import type { EarlierArtifact } from './similarity.js';
import type { TextContext, TextFindings, TextRequest } from './text-checks.js';

export type ReadText = (
  request: TextRequest,
  context: Pick<TextContext, 'earlier'> & { readonly signal: AbortSignal },
) => Promise<TextFindings>;

/**
 * `textFindings`, in a thread. What holds that up is a problem of the artifact, with the name of the check.
 * @throws what that throws, what `earlier` throws, or the reason of the signal, at once
 */
export const readTextIn =
  (pool: ThreadPool): ReadText =>
  async (request, { earlier, signal }) => {
    let list: AsyncIterator<EarlierArtifact> | undefined;
    const closeList = (): void => void list?.return?.().catch(() => undefined);
    const ask = async ({ at, limit }: { readonly at: number; readonly limit: number }) => {
      if (at === 0) {
        closeList();
        list = earlier(limit)[Symbol.asyncIterator]();
      }
      const next = await list?.next();
      return next?.done === false ? next.value : undefined;
    };
    try {
      const end = await pool.run('checks', request, { ask, signal });
      if (end.kind === 'done') return end.result;
      const { step = 'notEmpty', why, by } = end;
      return { problems: [by === 'time' ? `${step} ${why}: ${TAKES_LONG}` : `${step} ${why}`] };
    } finally {
      closeList();
    }
  };

const TAKES_LONG = 'the text, or a pattern that it is held against, is one that takes ever longer';

export const textFindingsInThread: ReadText = readTextIn(threads);
