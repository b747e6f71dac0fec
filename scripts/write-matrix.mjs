/**
 * Writes docs/reference/effects-matrix.md from what the conformance tests have measured.
 * Usage, after a build and with every server installed (node scripts/test-servers/NAME.mjs):
 * NIGHTSHIFT_MATRIX=DIR NIGHTSHIFT_TEST_LONG=1 npx vitest run test/conformance, then node scripts/write-matrix.mjs DIR
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: write-matrix.mjs DIR');
const measured = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')));

/** The tests read the page by these titles: test/conformance/matrix.ts. */
const SECTIONS = {
  crash: '`crash`: the try stops at the point, and another goes on; and once more with the ledger lost',
  kill: '`kill`: the process dies at the point by SIGKILL, and another goes on',
  'lost-answer': '`lost-answer`: each request of an effect in turn',
  other: 'Other checks',
};

const pointOf = (line) => Number(/^E(\d+)$/.exec(line)?.[1] ?? 0);
const table = (name) => {
  const used = measured.filter(({ tables }) => Object.keys(tables[name] ?? {}).length > 0);
  const lines = [...new Set(used.flatMap(({ tables }) => Object.keys(tables[name])))];
  lines.sort((a, b) => pointOf(a) - pointOf(b));
  const head = ['', ...used.map(({ destination }) => destination)];
  const body = lines.map((line) => [line, ...used.map(({ tables }) => tables[name][line] ?? '')]);
  return [head, head.map((_, at) => (at === 0 ? '---' : '---:')), ...body]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
};

const all = measured.flatMap(({ rows }) => rows);
const sum = (of) => all.reduce((total, row) => total + of(row), 0);
const twice = sum(({ visible }) => Math.max(0, visible - 1));
// Where what has landed is taken back it is gone afterwards, or hidden, as it should be.
const leftOver = sum(({ hidden, check }) => (check === 'take back' ? 0 : hidden));
const TAKEN_AWAY = new Set(['a person', 'take back']);
const untrue = all.filter(
  ({ visible, ended, check }) =>
    visible === 0 && (ended === 'landed' || ended === 'adopted') && !TAKEN_AWAY.has(check),
).length;
const text = `# What every destination was measured to do

Made by \`scripts/write-matrix.mjs\` from the conformance tests, each against the real server or, where there is none to
install, against a stand-in that keeps the service's documented behaviour (http, resend, stripe); the same tests fail where
they no longer show what stands here. A number counts the cells that were tried and passed; "held" are those of them that
ended with a question to a person, as they must where the destination can't be asked. Counted at the destination. What each
check does: [conformance](../guides/conformance.md).

${all.length} cells at ${measured.length} destinations: ${all.filter(({ ok }) => ok).length} passed, ${twice} objects too many, ${leftOver} left over, ${untrue} receipts for nothing.

${Object.entries(SECTIONS)
  .map(([name, title]) => `## ${title}\n\n${table(name)}`)
  .join('\n\n')}
`;
writeFileSync(
  'docs/reference/effects-matrix.md',
  await format(text, { parser: 'markdown', printWidth: 110 }),
);
