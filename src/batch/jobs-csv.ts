import { parse, type CsvError, type InfoRecord } from 'csv-parse';
import { Readable } from 'node:stream';
import type { JsonObject } from '../contract/json.js';
import { missingHint } from './missing-hint.js';
import type { Place } from './problems.js';
import { FILE_BYTES_MAX, JOB_BYTES_MAX, type Row, type RowSource } from './rows.js';
import { shown } from './shown.js';
import { countLineFeeds, textOf, UnreadableFile } from './source-text.js';

interface CsvRecord {
  readonly record: string[];
  readonly raw: string;
  readonly info: InfoRecord;
}

/**
 * CSV with a header row, after RFC 4180. Every value is a text.
 * An empty cell of a field that is no part of the identity means that the job has no such field: "" and absent
 * look alike in a table, so they must be one fingerprint. Line breaks inside a cell are LF, whatever the file has.
 */
export async function* readCsv(source: RowSource): AsyncGenerator<Row> {
  const { path, identity, report, declare, signal } = source;
  let header: string[] | undefined;
  for await (const { record, raw, info } of recordsOf(path, signal)) {
    // The parser says where a record ends; line breaks inside a record are those inside its cells.
    const breaks = record.reduce((sum, cell) => sum + countLineFeeds(cell), 0);
    const row = { record, raw: raw.replace(/^\n+/, ''), line: info.lines - breaks };
    if (header === undefined) {
      header = record;
      if (!headerIsGood(row, identity, report)) return;
      declare(header);
      continue;
    }
    if (record.length !== header.length) {
      report({
        line: row.line,
        column: 1,
        message: `has ${record.length} cells, the header has ${header.length}`,
        hint: 'a cell that holds a comma or a line break needs double quotes around it',
      });
      continue;
    }
    yield rowOf(row, header, identity);
  }
}

interface PlacedRecord {
  readonly record: readonly string[];
  readonly raw: string;
  readonly line: number;
}

function rowOf(
  { record, raw, line }: PlacedRecord,
  header: readonly string[],
  identity: readonly string[],
): Row {
  const fields: JsonObject = {};
  for (const [i, name] of header.entries()) {
    const cell = record[i] ?? '';
    if (cell !== '' || identity.includes(name)) fields[name] = cell;
  }
  return {
    line,
    column: 1,
    fields,
    size: raw.length,
    fieldAt: (name) => (header.includes(name) ? cellPlace(raw, line, header.indexOf(name)) : undefined),
  };
}

function headerIsGood(
  { record, raw, line }: PlacedRecord,
  identity: readonly string[],
  report: RowSource['report'],
): boolean {
  const separator = otherSeparator(record, raw, identity);
  if (separator !== undefined) {
    report({
      line,
      column: 1,
      message: `the columns are separated by ${separator}, and are read as separated by commas`,
      hint: 'save the table with commas; some spreadsheets take what the language of the computer says',
    });
    return false;
  }
  const seen = new Set<string>();
  let good = true;
  const refuse = (column: number, message: string, hint?: string) => {
    good = false;
    report({ ...cellPlace(raw, line, column), message, ...(hint !== undefined && { hint }) });
  };
  for (const [i, name] of record.entries()) {
    const known = name.normalize('NFC');
    if (name === '') refuse(i, `column ${i + 1} has no name`, 'the first row names the columns');
    else if (name === '__proto__') refuse(i, 'no column may be named __proto__');
    else if (name.trim() !== name) refuse(i, `column name ${shown(name)} has white space at an end`);
    else if (seen.has(known)) refuse(i, `column ${shown(name)} is there twice`);
    seen.add(known);
  }
  for (const field of identity) {
    if (seen.has(field)) continue;
    refuse(
      0,
      `the identity field "${field}" has no column`,
      missingHint(
        field,
        record.filter((name) => name !== ''),
      ),
    );
  }
  return good;
}

const OTHER_SEPARATORS: Readonly<Record<string, string>> = { ';': 'semicolons', '\t': 'tabs' };

/** What a header is separated by that is one column by commas, or has its identity fields only without them. */
function otherSeparator(
  record: readonly string[],
  raw: string,
  identity: readonly string[],
): string | undefined {
  if (identity.some((field) => record.includes(field))) return undefined;
  const found = Object.entries(OTHER_SEPARATORS).find(([separator]) => {
    const names = raw.trimEnd().split(separator);
    return names.length > 1 && (record.length === 1 || identity.some((field) => names.includes(field)));
  });
  return found?.[1];
}

async function* recordsOf(path: string, signal?: AbortSignal): AsyncGenerator<CsvRecord> {
  const text = Readable.from(textOf(path, { bytesMax: FILE_BYTES_MAX, signal }), { objectMode: true });
  const parser = parse({
    info: true,
    raw: true,
    record_delimiter: '\n',
    relax_column_count: true, // so that every ragged row is found, not only the first
    skip_empty_lines: true,
    max_record_size: 2 * JOB_BYTES_MAX,
  });
  text.on('error', (error) => parser.destroy(error)); // pipe() does not pass errors on
  text.pipe(parser);
  try {
    yield* parser as AsyncIterable<CsvRecord>;
  } catch (error) {
    throw asUnreadable(error);
  } finally {
    text.destroy();
  }
}

function asUnreadable(error: unknown): unknown {
  const { code, lines } = error as Partial<CsvError> & { lines?: number };
  const message = code === undefined ? undefined : CSV_ERRORS[code];
  if (message === undefined) return error;
  // A header whose names are quoted comes to this where another character separates them.
  const hint = code === 'CSV_INVALID_CLOSING_QUOTE' && lines === 1 && 'columns are separated by commas';
  return new UnreadableFile({ ...(lines !== undefined && { line: lines }), message, ...(hint && { hint }) });
}

const CSV_ERRORS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a double quote that opened a cell before here is never closed',
  CSV_INVALID_CLOSING_QUOTE:
    'text follows the closing quote of a cell; a quote inside one is written twice: ""',
  INVALID_OPENING_QUOTE:
    'a double quote stands inside a cell that is not quoted; quote the cell and write ""',
  CSV_MAX_RECORD_SIZE: 'a row is longer than a job may be; is a quote never closed?',
};

/** Where a cell begins: found again from the row's text, because only problems need to know. */
function cellPlace(raw: string, line: number, index: number): Place {
  let cell = 0;
  let quoted = false;
  let at = 0;
  for (; at < raw.length && cell < index; at += 1) {
    if (raw[at] === '"') quoted = !quoted;
    else if (raw[at] === ',' && !quoted) cell += 1;
  }
  const before = raw.slice(0, at);
  return { line: line + countLineFeeds(before), column: at - (before.lastIndexOf('\n') + 1) + 1 };
}
