import { shownText } from '../http/said.js';
import type { GitEnd } from './run-git.js';

/**
 * What became of an atomic push: all its refs, or none.
 *  `raced`: nothing changed, because a ref was not as expected; look again and build anew.
 *  `refused`: nothing changed, because the destination does not want it.
 *  `unclear`: the program ended without a word on the refs.
 */
export type PushEnd =
  | { readonly kind: 'landed' }
  | { readonly kind: 'raced' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'unclear' };

/** Words of git and of hosts for "somebody was there first". */
const RACED =
  /fetch first|non-fast-forward|stale info|needs force|cannot lock ref|failed to lock|failed to update ref|incorrect old value|reference (already exists|broken)|remote ref updated since checkout|is at .* but expected/i;
/** Said of the refs that fell because another one did. */
const FELL_WITH_IT = /atomic (push|transaction)|transaction failed/i;

/**
 * Reads `git push --porcelain --atomic`: lines of flag, names and summary, separated by tabs; "!" stands for refused.
 * Source: git-push(1), OUTPUT.
 */
export function pushEndOf({ code, stdout }: Pick<GitEnd, 'code' | 'stdout'>): PushEnd {
  if (code === 0) return { kind: 'landed' };
  const refs = stdout
    .toString('utf8')
    .split('\n')
    .flatMap((text) => {
      const [flag, names, summary] = text.split('\t');
      return names === undefined || summary === undefined || flag?.length !== 1 ? [] : [{ flag, summary }];
    });
  const rejected = refs.filter(({ flag }) => flag === '!');
  // "[remote failure]" means that the server said nothing of this ref. Part of a push landing is what atomic should
  // exclude, but git's own receive-pack lets it happen beside a ref that it hides.
  const isPartial = rejected.length < refs.length;
  if (
    rejected.length === 0 ||
    isPartial ||
    rejected.some(({ summary }) => summary.includes('[remote failure]'))
  )
    return { kind: 'unclear' };
  const reasons = rejected.map(({ summary }) => summary).filter((summary) => !FELL_WITH_IT.test(summary));
  const refusals = reasons.filter((reason) => !RACED.test(reason));
  if (refusals.length === 0) return { kind: 'raced' };
  return { kind: 'refused', why: shownText([...new Set(refusals)].join(', ')) };
}
