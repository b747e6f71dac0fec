#!/usr/bin/env node
/**
 * A small agent: one job as JSON on stdin, one article as Markdown on stdout.
 *
 * It turns a notes file into an article by fixed rules, so the same job and notes always give the same
 * bytes. To nightshift it is what any agent is: a program that takes a while, costs something each time
 * it starts, and can be interrupted. Replace it by your own.
 *
 *  W1. stdout gets a whole article or nothing.
 *  W2. The article depends on the job and the notes file only: no clock, no chance.
 *
 * Exit codes: 0 article written, 64 called in a wrong way, 65 the job or its notes can't be used,
 * 74 nobody reads the result any more.
 * WRITER_SECONDS  how long the work takes (default 1); progress goes to stderr meanwhile
 * WRITER_LOG      a file that gets one JSON line per start: how often the agent was paid
 */
import { appendFileSync, readFileSync, realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';

const WORDS_PER_MINUTE = 200; // an easy pace for practical texts
const SECONDS_MAX = 3600;

class Refusal extends Error {
  constructor(exitCode, message) {
    super(message);
    this.exitCode = exitCode;
  }
}
const misuse = (message) => new Refusal(64, message);
const unusable = (message) => new Refusal(65, message);

async function main() {
  const seconds = readSeconds(process.env.WRITER_SECONDS);
  if (process.argv.length > 2) throw misuse('takes no arguments; usage: node write.mjs < job.json');
  if (process.stdin.isTTY) throw misuse('wants a job on stdin; usage: node write.mjs < job.json');

  const job = readJob(await readStdin());
  if (process.env.WRITER_LOG) logStart(process.env.WRITER_LOG, job);

  const notes = parseNotes(readNotes(job.input.notes), job.input.notes);
  const article = composeArticle(job, notes);
  if (article.words < job.wordsAtLeast) {
    throw unusable(
      `${job.input.notes} gives ${article.words} words, ${job.wordsAtLeast} are wanted; add facts`,
    );
  }

  await takeTime(
    seconds,
    ['read the notes', ...notes.sections.map((s) => `wrote "${s.heading}"`), 'done'],
    job,
  );
  process.stdout.write(article.text); // W1: the only write
}

// --- The job ---------------------------------------------------------------------------------------

function readSeconds(text = '1') {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds >= 0 && seconds <= SECONDS_MAX)) {
    throw misuse(`WRITER_SECONDS is "${text}", not a number from 0 to ${SECONDS_MAX}`);
  }
  return seconds;
}

async function readStdin() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function readJob(text) {
  let job;
  try {
    job = JSON.parse(text);
  } catch {
    throw unusable(text.trim() === '' ? 'no job on stdin' : 'the job on stdin is not JSON');
  }
  if (!isRecord(job)) throw unusable('the job is not a JSON object');
  if (job.v !== 1) throw unusable(`the job has version ${JSON.stringify(job.v)}; this writer knows 1`);
  if (!isRecord(job.identity)) throw unusable('the job has no "identity"');
  if (!isRecord(job.input)) throw unusable('the job has no "input"');

  for (const name of ['work', 'key']) needText(job, name, name);
  for (const name of ['site', 'category', 'slug']) needText(job.identity, name, `identity.${name}`);
  for (const name of ['title', 'notes', 'audience']) needText(job.input, name, `input.${name}`);
  for (const name of ['revision', 'attempt']) {
    if (!Number.isSafeInteger(job[name]) || job[name] < 1)
      throw unusable(`"${name}" must be a whole number from 1`);
  }
  if (job.prompt !== undefined && typeof job.prompt !== 'string') throw unusable('"prompt" must be a text');

  const wordsAtLeast = Number(job.input.wordsAtLeast ?? 0); // from CSV it comes as text
  if (!Number.isSafeInteger(wordsAtLeast) || wordsAtLeast < 0) {
    throw unusable('"input.wordsAtLeast" must be a whole number');
  }
  return { ...job, wordsAtLeast };
}

const isRecord = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

function needText(record, name, shown) {
  const value = record[name];
  if (typeof value !== 'string' || value.trim() === '')
    throw unusable(`"${shown}" must be a text that is not empty`);
  if (/\p{Cc}/u.test(value)) throw unusable(`"${shown}" contains a control character`);
}

/** One line, one write, opened for appending: lines of writers that run side by side do not mix. */
function logStart(file, { key, identity }) {
  const line = { key, slug: identity.slug, pid: process.pid, at: new Date().toISOString() };
  try {
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  } catch (error) {
    throw misuse(`can't append to WRITER_LOG ${file} (${error.code})`);
  }
}

// --- The notes -------------------------------------------------------------------------------------

/** Notes live in the batch folder; a job row must not make us publish a file from elsewhere. */
function readNotes(path) {
  const folder = realpathSync(process.cwd());
  try {
    const file = realpathSync(resolve(folder, path));
    const within = relative(folder, file);
    if (within.startsWith('..') || isAbsolute(within))
      throw unusable(`notes file ${path} is outside the batch folder`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw unusable(
      error.code === 'ENOENT'
        ? `notes file ${path} is missing`
        : `can't read notes file ${path} (${error.code})`,
    );
  }
}

/**
 * Notes are plain Markdown: `# subject`, a lead paragraph, then `## sections` of bullets, numbered steps
 * and tables. A step may end with the time it takes: [5m], [14h], [10d], [2w], [9mo].
 * @returns { subject, lead, sections: [{ heading, kind, blocks: [{ type, items | rows }] }] }
 */
function parseNotes(text, path) {
  const notes = { subject: '', lead: '', sections: [] };
  const fail = (number, message) => unusable(`${path}:${number}: ${message}`);

  text.split(/\r?\n/).forEach((raw, index) => {
    const line = raw.trim();
    const section = notes.sections.at(-1);
    const into = (type) => {
      if (!section) throw fail(index + 1, 'comes before the first "## heading"');
      if (section.blocks.at(-1)?.type !== type) section.blocks.push({ type, items: [] });
      return section.blocks.at(-1).items;
    };
    let found;
    if (line === '') return;
    if ((found = /^# (.+)$/.exec(line))) notes.subject = found[1];
    else if ((found = /^## (.+)$/.exec(line)))
      notes.sections.push({ heading: found[1], kind: 'facts', blocks: [] });
    else if ((found = /^- (.+)$/.exec(line))) into('bullets').push(found[1]);
    else if ((found = /^\d+\. (.+)$/.exec(line))) into('steps').push(parseStep(found[1]));
    else if (line.startsWith('|')) into('table').push(parseRow(line));
    else if (!section) notes.lead = `${notes.lead} ${line}`.trim();
    else throw fail(index + 1, 'neither a heading, a bullet, a step nor a table row');
  });

  if (!notes.subject) throw unusable(`${path} has no "# subject"`);
  if (!notes.lead) throw unusable(`${path} has no lead paragraph`);
  if (notes.sections.length === 0) throw unusable(`${path} has no "## heading"`);
  for (const section of notes.sections) finishSection(section, path);
  return notes;
}

function finishSection(section, path) {
  const where = `${path}, "${section.heading}"`;
  if (section.blocks.length === 0) throw unusable(`${where}: nothing below the heading`);
  if (section.blocks.some((block) => block.type === 'steps')) section.kind = 'steps';
  if (/^(warnings?|safety)$/i.test(section.heading)) section.kind = 'warnings';

  for (const block of section.blocks.filter(({ type }) => type === 'table')) {
    const [head, rule, ...rows] = block.items;
    if (!rule?.every((cell) => /^:?-{3,}:?$/.test(cell)) || rows.length === 0) {
      throw unusable(`${where}: a table needs a head, a line of dashes and at least one row`);
    }
    if (rows.some((row) => row.length !== head.length))
      throw unusable(`${where}: a table row has too few or many cells`);
    Object.assign(block, { head, rows });
  }
}

const parseRow = (line) =>
  line
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => cell.trim());

const UNITS = {
  m: { minutes: 1, one: 'minute', many: 'minutes' },
  h: { minutes: 60, one: 'hour', many: 'hours' },
  d: { minutes: 1440, one: 'day', many: 'days' },
  w: { minutes: 10_080, one: 'week', many: 'weeks' },
  mo: { minutes: 43_800, one: 'month', many: 'months' }, // a twelfth of 365 days
};

function parseStep(text) {
  const [, doing, amount, unit] = /^(.*?)(?:\s*\[(\d+)(mo|[mhdw])\])?$/.exec(text);
  if (!amount) return { doing, minutes: 0, time: '' };
  return { doing, minutes: Number(amount) * UNITS[unit].minutes, time: plural(Number(amount), UNITS[unit]) };
}

// --- The article -----------------------------------------------------------------------------------

function composeArticle(job, notes) {
  const { site, category, slug } = job.identity;
  const draft = composeBody(job, notes, 1);
  const words = countWords(draft);
  const minutes = Math.ceil(words / WORDS_PER_MINUTE);
  const body = composeBody(job, notes, minutes); // one number in another place: as many words as the draft

  const frontMatter = { title: job.input.title, site, category, slug, key: job.key, revision: job.revision };
  const lines = Object.entries({ ...frontMatter, words, readingMinutes: minutes }).map(
    ([name, value]) => `${name}: ${JSON.stringify(value)}`, // JSON is YAML, and quotes keep a key a text
  );
  return { words, text: `---\n${lines.join('\n')}\n---\n\n${body}` };
}

function composeBody(job, notes, minutes) {
  const headings = [...notes.sections.map(({ heading }) => heading), 'In short'];
  const anchors = anchorsOf(headings);
  const contents = headings.map((heading, i) => `- [${heading}](#${anchors[i]})`);

  return `${[
    `# ${job.input.title}`,
    sentence(notes.lead),
    introduction(notes, job.input.audience, minutes),
    ['**Contents**', '', ...contents].join('\n'),
    ...notes.sections.flatMap((section) => [`## ${section.heading}`, ...sectionParts(section)]),
    '## In short',
    shortVersion(notes),
  ].join('\n\n')}\n`;
}

function introduction(notes, audience, minutes) {
  const facts = notes.sections
    .filter(({ kind }) => kind === 'facts')
    .map(({ heading }) => lowerFirst(heading));
  const steps = stepsOf(notes);
  const warnings = warningsOf(notes);

  const topics = facts.length > 0 ? ` explains ${list(facts)}` : '';
  const walk = steps.length > 0 ? ` leads you through ${inWords(steps.length, STEP)}` : '';
  const guide = `This guide to ${notes.subject}${[topics, walk].filter(Boolean).join(', then')}.`;
  const heed = warnings.length > 0 ? ` Read the ${inWords(warnings.length, WARNING)} before you start.` : '';
  return `${guide}${heed} It is written for ${audience} and takes about ${inWords(minutes, UNITS.m)} to read.`;
}

function sectionParts(section) {
  return section.blocks.flatMap((block) => {
    if (block.type === 'table') return [howToRead(block), tableText(block)];
    if (block.type === 'steps') return [timeNeeded(block.items), numbered(block.items)].filter(Boolean);
    if (section.kind === 'warnings')
      return block.items.map((item) => `> **Careful:** ${fromBullet(item, 0)}`);
    return [paragraph(block.items)];
  });
}

const paragraph = (items) => joinShort(items).map(fromBullet).join(' ');

/** Two short statements in a row read as one sentence. Marked bullets (`->`, `:`) stand alone. */
function joinShort(items) {
  const short = (item) => item !== undefined && !/->|[:,]/.test(item) && item.split(' ').length <= 9;
  const out = [];
  for (let i = 0; i < items.length; i++) {
    if (short(items[i]) && short(items[i + 1])) out.push(`${items[i]}, and ${items[++i]}`);
    else out.push(items[i]);
  }
  return out;
}

/** `cause -> effect`, `if this: do that`, `topic: statement` or a plain statement, as a sentence. */
function fromBullet(item, place) {
  const [cause, effect] = item.split(/\s*->\s*/);
  // Both forms fit a singular and a plural cause.
  if (effect)
    return sentence(
      place % 2 === 0 ? `${cause} will bring ${effect}` : `the result of ${cause} is ${effect}`,
    );

  const [, topic, statement] = /^([^:]{1,60}): (.+)$/.exec(item) ?? [];
  if (!topic) return sentence(item);
  if (/^(if|for|with|when|after|before|in|by|once) /i.test(topic)) return sentence(`${topic}, ${statement}`);
  return sentence(`${['as for', 'when it comes to'][place % 2]} ${topic}, ${statement}`);
}

const numbered = (steps) =>
  steps
    .map(({ doing, time }, i) => `${i + 1}. ${sentence(doing)}${time ? ` _(about ${time})_` : ''}`)
    .join('\n');

function timeNeeded(steps) {
  const minutes = steps.reduce((sum, step) => sum + step.minutes, 0);
  return minutes > 0 ? `From the first step to the last, allow about ${roughly(minutes)}.` : '';
}

const tableText = ({ head, rows }) => {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => [...row[column]].length)),
  );
  const line = (cells) =>
    `| ${cells.map((cell, i) => cell + ' '.repeat(widths[i] - [...cell].length)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
};

/** Column names are nouns, so that they fit into this sentence. */
const howToRead = ({ head: [first, ...others] }) =>
  `Find the ${lowerFirst(first)} in the first column and read off the ${list(others.map(lowerFirst))}.`;

function shortVersion(notes) {
  const points = notes.sections
    .filter(({ kind }) => kind === 'facts')
    .map(({ blocks }) => blocks.find(({ type }) => type === 'bullets')?.items[0])
    .filter(Boolean)
    .map((item) => fromBullet(item, 0));
  const steps = stepsOf(notes);
  if (steps.length > 0) points.push(`First, ${lowerFirst(sentence(steps[0].doing))}`);
  const [warning] = warningsOf(notes);
  if (warning) points.push(`Above all, ${lowerFirst(fromBullet(warning, 0))}`);
  return points.map((point) => `- ${point}`).join('\n');
}

const itemsOf = (notes, type, kind) =>
  notes.sections
    .filter((section) => section.kind === kind)
    .flatMap(({ blocks }) => blocks.filter((block) => block.type === type).flatMap(({ items }) => items));
const stepsOf = (notes) => itemsOf(notes, 'steps', 'steps');
const warningsOf = (notes) => itemsOf(notes, 'bullets', 'warnings');

// --- Words -----------------------------------------------------------------------------------------

const STEP = { one: 'step', many: 'steps' };
const WARNING = { one: 'warning', many: 'warnings' };

const plural = (count, { one, many }) => `${count} ${count === 1 ? one : many}`;
const SMALL = [
  'no',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
];
const inWords = (count, { one, many }) => `${SMALL[count] ?? count} ${count === 1 ? one : many}`;
const upperFirst = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const lowerFirst = (text) => text.charAt(0).toLowerCase() + text.slice(1);
const sentence = (text) => upperFirst(/[.!?]$/.test(text) ? text : `${text}.`);
const list = (items) =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;

function roughly(minutes) {
  const unit = Object.values(UNITS).findLast((u) => minutes >= 2 * u.minutes) ?? UNITS.m;
  const step = unit === UNITS.m && minutes > 30 ? 5 : unit.minutes; // nobody plans for 97 minutes
  return plural((Math.round(minutes / step) * step) / unit.minutes, unit);
}

function anchorsOf(headings) {
  const seen = new Map();
  return headings.map((heading) => {
    const plain = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(plain) ?? 0;
    seen.set(plain, times + 1);
    return times === 0 ? plain : `${plain}-${times}`;
  });
}

/** Words that a reader reads: link targets and Markdown signs are none. */
const countWords = (markdown) =>
  markdown
    .replace(/\]\([^)]*\)/g, ']')
    .split(/\s+/)
    .filter((word) => /[\p{L}\p{N}]/u.test(word)).length;

// --- Pace ------------------------------------------------------------------------------------------

/** A real agent works for minutes and says so now and then. */
async function takeTime(seconds, stages, { identity }) {
  for (const [index, stage] of stages.entries()) {
    await new Promise((done) => setTimeout(done, (seconds * 1000) / stages.length));
    process.stderr.write(`write: ${identity.slug}: ${stage} (${index + 1}/${stages.length})\n`);
  }
}

// Whoever started us is gone and nobody reads: end without a stack trace.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => process.exit(74));

try {
  await main();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`write: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
