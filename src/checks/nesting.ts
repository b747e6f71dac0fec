/**
 * Depths that what reads a text can follow on its stack. One that overflows it is an error, as a rule; inside a regular
 * expression that is used for the first time, V8 ends the whole process instead, and no thread keeps that in.
 */
export const JSON_DEPTH_MAX = 1000;
export const YAML_DEPTH_MAX = 100;

export interface JsonBrackets {
  /** A bracket or a string is still open at the end. */
  readonly open: boolean;
  readonly deepest: number;
}

export function jsonBrackets(text: string): JsonBrackets {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === '}' || character === ']') depth--;
  }
  return { open: inString || depth > 0, deepest };
}

/** How deep a YAML text could be at most, by its brackets, and by its dashes and question marks on one line. */
export function yamlDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [mark] of text.matchAll(/[[\]{}]/g)) {
    if (mark === '[' || mark === '{') deepest = Math.max(deepest, ++depth);
    else depth = Math.max(0, depth - 1);
  }
  for (const line of text.split('\n'))
    deepest = Math.max(deepest, line.match(/(?:^|[ \t])[-?:](?=[ \t])/g)?.length ?? 0);
  return deepest;
}
