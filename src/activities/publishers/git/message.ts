/** Commit messages: the operator's words, and below them the mark by which we know our own. Pure. */

export interface Mark {
  readonly effectKey: string;
  readonly revision: number;
  readonly fingerprint: string;
  readonly path: string;
}

const TEXT_LENGTH_MAX = 10_000;

/**
 * The message of a commit. Whatever the text holds, our trailers are its last paragraph, and git reads no other.
 * @param text may come out of a template over an artifact, so it is taken for hostile
 */
export function commitMessage(text: string, mark: Mark, kind: 'publish' | 'reverse'): string {
  const words = text
    .replace(/\r\n?/g, '\n')
    .replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '')
    .slice(0, TEXT_LENGTH_MAX)
    .trim();
  const trailers = [
    `Nightshift-Key: ${mark.effectKey}`,
    `Nightshift-Revision: ${mark.revision}`,
    `Nightshift-Fingerprint: ${mark.fingerprint}`,
    `Nightshift-Path: ${mark.path}`,
    ...(kind === 'reverse' ? ['Nightshift-Reverses: yes'] : []),
  ];
  return `${words === '' ? defaultText(mark.path, mark.revision, kind) : words}\n\n${trailers.join('\n')}\n`;
}

export function defaultText(path: string, revision: number, kind: 'publish' | 'reverse'): string {
  if (kind === 'reverse') return `Remove ${path}`;
  return `${revision === 1 ? 'Add' : 'Update'} ${path}`;
}

/** The mark in a commit message; undefined where there is none, or not a whole one. */
export function readMark(message: string): Mark | undefined {
  const last =
    message
      .trimEnd()
      .split(/\n{2,}/)
      .at(-1) ?? '';
  const fields = new Map(
    last.split('\n').flatMap((text) => {
      const [, name, value] = /^(Nightshift-[A-Za-z]+): (.*)$/.exec(text) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
  const effectKey = fields.get('Nightshift-Key') ?? '';
  const revision = Number(fields.get('Nightshift-Revision'));
  const fingerprint = fields.get('Nightshift-Fingerprint') ?? '';
  const path = fields.get('Nightshift-Path') ?? '';
  if (!/^[0-9a-f]{32}$/.test(effectKey) || !Number.isSafeInteger(revision) || path === '') return undefined;
  return { effectKey, revision, fingerprint, path };
}
