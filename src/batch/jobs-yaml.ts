import type { JsonObject } from '../contract/json.js';
import type { ProblemHere } from './problems.js';
import type { Row, RowSource } from './rows.js';
import { kindOf } from './shown.js';
import { wholeText } from './source-text.js';
import { parseYaml, type SourceDocument } from './yaml-document.js';

/** The YAML parser keeps a tree with places: about a hundred times the text. Large lists belong into CSV or JSONL. */
const YAML_BYTES_MAX = 20 * 1024 * 1024;

/** A YAML list of objects. */
export async function* readYaml({ path, report, signal }: RowSource): AsyncGenerator<Row> {
  const document = parseYaml(await wholeText(path, { bytesMax: YAML_BYTES_MAX, signal }), report);
  if (document) yield* rowsOfDocument(document, [], report);
}

/** The jobs at a path of a document: of a jobs file as a whole, or of a batch file under `jobs`. */
export function* rowsOfDocument(
  document: SourceDocument,
  path: readonly PropertyKey[],
  report: (problem: ProblemHere) => void,
): Generator<Row> {
  const list = path.reduce<unknown>((inner, part) => (inner as JsonObject)[String(part)], document.value);
  if (!Array.isArray(list)) {
    report({ ...document.placeOf(path), message: `a list of jobs should stand here, not ${kindOf(list)}` });
    return;
  }
  for (const [i, fields] of (list as unknown[]).entries()) {
    const here = [...path, i];
    const place = document.placeOf(here) ?? { line: i + 1 };
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
      report({ ...place, message: `a job must be an object, not ${kindOf(fields)}` });
      continue;
    }
    yield {
      ...place,
      fields: fields as JsonObject,
      size: JSON.stringify(fields).length,
      fieldAt: (name) => {
        if (!Object.hasOwn(fields, name)) return undefined;
        const written = document.sourceOf([...here, name]);
        return { ...place, ...document.placeOf([...here, name]), ...(written !== undefined && { written }) };
      },
    };
  }
}
