/** What a session produced, as checks look at it. */
export interface CheckedArtifact {
  readonly bytes: Uint8Array;
  /** Undefined when it is not valid UTF-8. A byte order mark is taken off. */
  readonly text: string | undefined;
  readonly mime: string | undefined;
}

export const artifactOf = (bytes: Uint8Array, mime: string | undefined): CheckedArtifact => ({
  bytes,
  text: textOf(bytes),
  mime: mime?.split(';')[0]?.trim().toLowerCase(),
});

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // not text is an answer here, not a failure
  }
}

export const isJson = ({ mime }: Pick<CheckedArtifact, 'mime'>): boolean =>
  mime !== undefined && /[/+]json$/.test(mime);

/** By its type, or, where that says nothing, by how it begins. */
export function isHtml({ mime, text = '' }: Pick<CheckedArtifact, 'mime' | 'text'>): boolean {
  if (mime === 'text/html' || mime === 'application/xhtml+xml') return true;
  if (mime === 'text/markdown') return false;
  return /^\s*(<!doctype\s+html|<html[\s>])/i.test(text);
}

/** Whether readers see something else than stands there: Markdown and HTML, and what says no type and is no JSON. */
export const isDocument = (artifact: CheckedArtifact): boolean =>
  isHtml(artifact) ||
  artifact.mime === 'text/markdown' ||
  (artifact.mime === undefined && !looksLikeJson(artifact.text ?? ''));

export const looksLikeJson = (text: string): boolean => /^\s*(?:\{\s*["}]|\[\s*[{["\]])/.test(text);
