/** Names of branches and of claims, and what `git ls-remote` says of them. Pure. */

export type ClaimPlace = 'refs' | 'tags';

/** A claim: the ref that only one push can create, and that says in the destination itself what has landed. */
export interface Claim {
  readonly ref: string;
  readonly revision: number;
  /** `reverse`: the revision was taken back. */
  readonly kind: 'publish' | 'reverse';
  /** The commit that it points to. */
  readonly sha: string;
}

export const claimRef = (
  place: ClaimPlace,
  effectKey: string,
  revision: number,
  kind: Claim['kind'] = 'publish',
): string => {
  const end = kind === 'reverse' ? '-reverse' : '';
  return place === 'refs'
    ? `refs/nightshift/${effectKey}/${revision}${end}`
    : `refs/tags/nightshift/${effectKey}-r${revision}${end}`;
};

/** Its being there shows that the remote takes claims under refs/nightshift. */
export const PROBE_REF = 'refs/nightshift/probe';

/** What to ask `ls-remote` for: all branches, and the claims of one effect wherever they may be. */
export const wantedRefs = (effectKey: string): string[] => [
  'refs/heads/*',
  PROBE_REF,
  `refs/nightshift/${effectKey}/*`,
  `refs/tags/nightshift/${effectKey}-r*`,
];

export const branchRef = (branch: string): string => `refs/heads/${branch}`;

export interface RemoteRefs {
  /** Undefined where the branch does not exist. */
  readonly tip: string | undefined;
  readonly hasBranches: boolean;
  readonly takesRefs: boolean;
  /** Oldest first; a reversal comes after what it takes back. */
  readonly claims: readonly Claim[];
}

/** Reads the lines of `git ls-remote`. */
export function readRemoteRefs(output: string, branch: string, effectKey: string): RemoteRefs {
  const refs = output.split('\n').flatMap((text) => {
    const [, sha, ref] = /^([0-9a-f]{40,64})\t(\S+)$/.exec(text) ?? [];
    return sha === undefined || ref === undefined ? [] : [{ sha, ref }];
  });
  return {
    tip: refs.find(({ ref }) => ref === branchRef(branch))?.sha,
    hasBranches: refs.some(({ ref }) => ref.startsWith('refs/heads/')),
    takesRefs: refs.some(({ ref }) => ref === PROBE_REF),
    claims: refs.flatMap(({ sha, ref }) => claimOf(sha, ref, effectKey) ?? []).sort(byRevision),
  };
}

function claimOf(sha: string, ref: string, effectKey: string): Claim | undefined {
  const [, number, reverse] =
    new RegExp(
      `^refs/(?:nightshift/${effectKey}/|tags/nightshift/${effectKey}-r)([1-9][0-9]{0,14})(-reverse)?$`,
    ).exec(ref) ?? [];
  if (number === undefined) return undefined;
  return { ref, revision: Number(number), kind: reverse === undefined ? 'publish' : 'reverse', sha };
}

const byRevision = (a: Claim, b: Claim): number =>
  a.revision - b.revision || Number(a.kind === 'reverse') - Number(b.kind === 'reverse');

/**
 * What is wrong with the name of a branch; undefined when nothing is.
 * Source: git-check-ref-format(1), read strictly.
 */
export function branchFault(branch: string): string | undefined {
  if (branch === '') return 'is empty';
  if (Buffer.byteLength(branch) > 200) return 'is too long';
  // eslint-disable-next-line no-control-regex -- exactly what git refuses
  if (/[\u0000-\u0020\u007f~^:?*[\\\p{Cf}\p{Zl}\p{Zp}]/u.test(branch))
    return 'has a character that no branch may have';
  if (branch.includes('..') || branch.includes('@{') || branch === '@') return 'is no name that git takes';
  if (branch.startsWith('-') || branch.endsWith('.')) return 'is no name that git takes';
  if (branch.split('/').some((part) => part === '' || part.startsWith('.') || part.endsWith('.lock')))
    return 'has a part that git does not take';
  return undefined;
}
