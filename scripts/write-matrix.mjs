/**
 * Writes docs/reference/effects-matrix.md from what the conformance tests have measured.
 * Usage: NIGHTSHIFT_MATRIX=DIR npx vitest run test/conformance, then node scripts/write-matrix.mjs DIR
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: write-matrix.mjs DIR');
const subjects = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')));

/** Rows that say the same of several numbered cells become one. */
const columnOf = ({ check, at }) => {
  if (check === 'crash' || check === 'kill') return `${check} ${at.split(',')[0]}`;
  if (/^request/.test(at)) return check;
  return check;
};
const pointOf = (name) => Number(/^(?:crash|kill) E(\d+)$/.exec(name)?.[1] ?? Infinity);
const columns = [...new Set(subjects.flatMap(({ rows }) => rows.map(columnOf)))].sort((a, b) =>
  pointOf(a) === pointOf(b) ? 0 : pointOf(a) - pointOf(b),
);
const groups = [
  [
    'Crash points (the try stops, then goes on; and once more with the ledger lost)',
    (name) => name.startsWith('crash '),
  ],
  ['Crash points (SIGKILL of the process)', (name) => name.startsWith('kill ')],
  ['Everything else', (name) => !/^(crash|kill) /.test(name)],
];

const cell = (rows) => {
  if (rows.length === 0) return '';
  const failed = rows.filter(({ ok }) => !ok).length;
  const held = rows.filter(({ ended }) => ended === 'held').length;
  if (failed > 0) return `**${failed} of ${rows.length} failed**`;
  return `${rows.length}${held > 0 ? ` (${held} held)` : ''}`;
};
const table = (names) => {
  const used = subjects.filter(({ rows }) => rows.some((row) => names.includes(columnOf(row))));
  const head = ['', ...used.map(({ subject }) => subject)];
  const body = names.map((name) => [
    name.replace(/^(crash|kill) /, ''),
    ...used.map(({ rows }) => cell(rows.filter((row) => columnOf(row) === name))),
  ]);
  return [head, head.map((_, at) => (at === 0 ? '---' : '---:')), ...body]
    .map((line) => `| ${line.join(' | ')} |`)
    .join('\n');
};

const all = subjects.flatMap(({ rows }) => rows);
const sum = (of) => all.reduce((total, row) => total + of(row), 0);
const twice = sum(({ visible }) => Math.max(0, visible - 1));
// Where what has landed is taken back it is gone afterwards, or hidden, as it should be.
const leftOver = sum(({ hidden, check }) => (check === 'take back' ? 0 : hidden));
const TAKEN_AWAY = new Set(['a person', 'take back']);
const untrue = all.filter(
  ({ visible, ended, check, at }) =>
    visible === 0 && (ended === 'landed' || ended === 'adopted') && !TAKEN_AWAY.has(check) && at !== '',
).length;
const text = `# What every destination was measured to do

Made by \`scripts/write-matrix.mjs\` from the conformance tests, each against the real server or, where there is none to
install, against a stand-in that keeps the service's documented behaviour (http, resend, stripe). A number counts the cells
that were tried and passed; "held" are those of them that ended with a question to a person, as they must where the
destination can't be asked. Counted at the destination.

${all.length} cells at ${subjects.length} destinations: ${all.filter(({ ok }) => ok).length} passed, ${twice} objects too many, ${leftOver} left over, ${untrue} receipts for nothing.

${groups.map(([title, belongs]) => `## ${title}\n\n${table(columns.filter(belongs))}`).join('\n\n')}
`;
writeFileSync(
  'docs/reference/effects-matrix.md',
  await format(text, { parser: 'markdown', printWidth: 110 }),
);
