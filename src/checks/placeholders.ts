import { shown } from '../batch/shown.js';

/** What writers and models leave behind for somebody to fill in, or say of themselves. */
const PLACEHOLDERS: readonly RegExp[] = [
  /\b(?:TODO|FIXME|TBD)\b/,
  /\blorem ipsum\b/i,
  /\[(?:insert|fill in|placeholder|replace (?:this|with|me)|your|enter your|add your|todo|tbd)\b[^\]\n]{0,80}\]/i,
  /\[[^\]\n]{1,60} (?:goes )?here\]/i,
  /\{\{[^{}\n]{0,80}\}\}/,
  /\{%[^{}\n]{0,80}%\}/,
  /<%[^<>\n]{0,80}%>/,
  /\bYOUR[_-][A-Z0-9_-]*[A-Z0-9]\b/,
  /\bas an? (?:AI|artificial intelligence)(?: language)? (?:model|assistant)\b/i,
  /\bas a (?:large )?language model\b/i,
];

/**
 * Each kind of placeholder once, with what was found.
 * @param prose the text outside code: a manual may well show `{{ name }}` in a listing
 */
export const placeholderProblems = (prose: string): string[] =>
  PLACEHOLDERS.flatMap((pattern) => {
    const found = pattern.exec(prose)?.[0];
    return found === undefined ? [] : [`it still has placeholder text: ${shown(found)}`];
  });
