import type { CheckedArtifact } from './artifact.js';

/** C0 and C1 controls, except tab, line feed, form feed and carriage return: terminals obey them, nobody sees them. */
// eslint-disable-next-line no-control-regex -- exactly what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000e-\u001f\u007f-\u009f]/;
/** What embeds, overrides or isolates a direction of writing, and what ends that. */
const DIRECTED = /[\u202a-\u202e\u2066-\u2069]/g;

/** With an override, what is read is not what stands there; no language needs one. */
const OVERRIDES = '\u202d\u202e';
const ISOLATES = '\u2066\u2067\u2068';
const END_OF_EMBEDDING = '\u202c';
const END_OF_ISOLATE = '\u2069';

/**
 * Types whose bytes are not for reading, even where they happen to be valid UTF-8. The type is what the session says, so any
 * other is read: a new or a made-up name hides nothing.
 */
const NO_TEXT =
  /^(?!.*\+(json|xml)$)(image\/|audio\/|video\/|font\/|application\/(pdf|wasm|msword|zip|gzip|zstd|java-archive|vnd\.(rar|ms-|openxmlformats-|oasis\.opendocument\.)|x-(zip|gzip|tar|gtar|bzip|xz|rar|7z))|.*\+(zip|gzip|zstd)$)/;

/**
 * Control characters, and characters that turn the direction of what follows, so that people read something else than
 * what stands there. Embeddings and isolates of right-to-left text pass where they end in their own line.
 */
export function unseenProblems({ text = '', mime }: Pick<CheckedArtifact, 'text' | 'mime'>): string[] {
  if (mime !== undefined && NO_TEXT.test(mime)) return [];
  return [
    ...told(text, CONTROL.exec(text)?.index, 'a control character'),
    ...told(text, firstTurning(text), 'a character that turns the direction of what follows'),
  ];
}

/** The first override, or embedding or isolate that its line leaves open. */
function firstTurning(text: string): number | undefined {
  let open: { readonly at: number; readonly isolates: boolean }[] = [];
  let lineEnd = -1;
  for (const { index: at } of text.matchAll(DIRECTED)) {
    if (at > lineEnd) {
      if (open.length > 0) break;
      lineEnd = endOfLine(text, at);
    }
    const character = text.charAt(at);
    if (OVERRIDES.includes(character)) return at;
    if (character === END_OF_EMBEDDING) {
      if (open.at(-1)?.isolates === false) open.pop();
    } else if (character === END_OF_ISOLATE) {
      const last = open.findLastIndex(({ isolates }) => isolates);
      if (last >= 0) open = open.slice(0, last); // embeddings within it end with it
    } else {
      open.push({ at, isolates: ISOLATES.includes(character) });
    }
  }
  return open[0]?.at;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

function told(text: string, at: number | undefined, what: string): string[] {
  if (at === undefined) return [];
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  const column = at - before.lastIndexOf('\n');
  const code = text.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0');
  return [`the artifact has ${what}: U+${code} on line ${line}, column ${column}`];
}
