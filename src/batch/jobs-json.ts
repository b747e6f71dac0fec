import { LineCounter } from 'yaml';
import { afterSpace } from './json-scan.js';
import { jsonRowAt } from './json-row.js';
import type { Place } from './problems.js';
import type { Row, RowSource } from './rows.js';
import { wholeText } from './source-text.js';

/** A JSON file is held as a whole while it is read; JSON Lines is not. */
const JSON_BYTES_MAX = 256 * 1024 * 1024;

/** A JSON list of objects. Each is parsed by itself, so a list of 200,000 is no one big value. */
export async function* readJson({ path, report, signal }: RowSource): AsyncGenerator<Row> {
  const text = await wholeText(path, { bytesMax: JSON_BYTES_MAX, signal });
  const placeAt = placesIn(text);
  const begin = afterSpace(text, 0);
  if (text[begin] !== '[') {
    report({
      ...placeAt(begin),
      message: 'a list of jobs should begin here',
      hint: 'write [ { ... }, { ... } ]',
    });
    return;
  }

  let at = afterSpace(text, begin + 1);
  if (text[at] === ']') return;
  for (;;) {
    const read = jsonRowAt(text, at, placeAt, report);
    if (!read) return;
    if (read.row) yield read.row;
    at = afterSpace(text, read.end);
    if (text[at] === ']') break;
    if (text[at] !== ',') {
      report({ ...placeAt(at), message: 'is no valid JSON: "," or "]" should stand here' });
      return;
    }
    at = afterSpace(text, at + 1);
  }
  const rest = afterSpace(text, at + 1);
  if (rest < text.length) report({ ...placeAt(rest), message: 'more text follows the list of jobs' });
}

function placesIn(text: string): (offset: number) => Place {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return (offset) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
}
