import type { JsonObject } from '../contract/json.js';
import { scanJson, type Member } from './json-scan.js';
import type { Place, ProblemHere } from './problems.js';
import type { Row } from './rows.js';
import { kindOf } from './shown.js';

/**
 * Reads one JSON object out of a text.
 * @param placeAt  line and column of an offset in the text
 * @returns the row and where its text ends; the row is undefined when it was reported. Undefined altogether when
 *   the text can't be read on from here
 */
export function jsonRowAt(
  text: string,
  from: number,
  placeAt: (offset: number) => Place,
  report: (problem: ProblemHere) => void,
): { readonly row: Row | undefined; readonly end: number } | undefined {
  const scan = scanJson(text, from);
  if (!scan.ok) {
    report({ ...placeAt(scan.offset), message: scan.message });
    return undefined;
  }
  const value: unknown = JSON.parse(text.slice(from, scan.end));
  const place = placeAt(from);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report({ ...place, message: `a job must be an object, not ${kindOf(value)}` });
    return { row: undefined, end: scan.end };
  }
  const { members, end } = scan;
  const row: Row = {
    ...place,
    fields: value as JsonObject,
    size: end - from,
    fieldAt: (name) => fieldOf(members.find((member) => member.name === name)),
  };
  return { row, end };

  function fieldOf(member: Member | undefined): ReturnType<NonNullable<Row['fieldAt']>> {
    return member && { ...placeAt(member.start), written: text.slice(member.start, member.end) };
  }
}
