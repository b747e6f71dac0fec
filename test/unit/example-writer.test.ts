// Tests of the example agents: real child processes, as nightshift starts them.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const articles = fileURLToPath(new URL('../../examples/articles/', import.meta.url));
const translations = fileURLToPath(new URL('../../examples/translations/', import.meta.url));

type Row = Record<
  'site' | 'category' | 'slug' | 'title' | 'notes' | 'audience' | 'wordsAtLeast' | 'revision',
  string
>;
const rows: Row[] = parse(readFileSync(join(articles, 'jobs.csv')), { columns: true });
const firstRow = rows[0]!;

const keyFor = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32);

const jobOf = ({ site, category, slug, revision, ...input }: Row) => ({
  v: 1,
  work: 'article',
  key: keyFor(`${site}:${category}:${slug}`),
  identity: { site, category, slug },
  input,
  revision: Number(revision),
  attempt: 1,
});

interface Start {
  env?: Record<string, string>;
  args?: string[];
  cwd?: string;
}

/** Starts a program of the examples with nothing in its environment but what the test gives. */
function start(program: string, stdin: string, { env = {}, args = [], cwd = articles }: Start = {}) {
  const PATH = process.env.PATH ?? '';
  return spawnSync(process.execPath, [program, ...args], {
    cwd,
    input: stdin,
    encoding: 'utf8',
    env: { PATH, WRITER_SECONDS: '0', ...env },
  });
}

const write = (job: unknown, options?: Start) =>
  start(join(articles, 'write.mjs'), JSON.stringify(job), options);

const bodyOf = (article: string) => article.replace(/^---\n[\s\S]*?\n---\n/, '');
const wordsIn = (text: string) => text.split(/\s+/).filter((word) => /\p{L}/u.test(word)).length;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightshift-example-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const markdownIn = (path: string) =>
  readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .sort();

describe('the jobs of the articles example', () => {
  test('are twelve articles with slugs of their own, four for each of three sites', () => {
    expect(new Set(rows.map(({ slug }) => slug)).size).toBe(12);
    const sites = new Set(rows.map(({ site }) => site));
    expect(sites.size).toBe(3);
    for (const site of sites) expect(rows.filter((row) => row.site === site)).toHaveLength(4);
  });

  test('name every notes file, so that none is written for nothing', () => {
    expect(rows.map(({ notes }) => notes).sort()).toEqual(
      readdirSync(join(articles, 'notes'))
        .map((name) => `notes/${name}`)
        .sort(),
    );
  });
});

describe('the writer', () => {
  test.each(rows)('$slug gives a whole article, and the same one on a second run', (row) => {
    const job = jobOf(row);
    const first = write(job);
    expect(first).toMatchObject({ status: 0 });

    const article = first.stdout;
    const words = wordsIn(bodyOf(article));
    expect(words).toBeGreaterThanOrEqual(180);
    expect(article).toContain(`\nkey: "${job.key}"\nrevision: 1\n`);
    expect(article).toContain(`\n# ${row.title}\n`);
    expect(article).toMatch(/\n## In short\n\n(- .+\n)+$/);
    expect(article).not.toMatch(/undefined|NaN|\[object|->|\[\d+(m|h|d|w|mo)\]/);
    for (const [, anchor] of article.matchAll(/\]\(#(.+)\)/g)) {
      const anchors = [...article.matchAll(/^## (.+)$/gm)].map(([, h = '']) =>
        h.toLowerCase().replaceAll(' ', '-'),
      );
      expect(anchors).toContain(anchor);
    }

    expect(write(job).stdout).toBe(article);
  });

  test('an attempt does not change the article, a revision shows in it', () => {
    const job = jobOf(firstRow);
    expect(write({ ...job, attempt: 2 }).stdout).toBe(write(job).stdout);
    expect(write({ ...job, revision: 2 }).stdout).toContain('\nrevision: 2\n');
  });

  test('a missing notes file exits 65 with nothing on stdout, so nothing can be posted', () => {
    const job = jobOf({ ...firstRow, notes: 'notes/not-there.md' });
    expect(write(job)).toMatchObject({
      status: 65,
      stdout: '',
      stderr: 'write: notes file notes/not-there.md is missing\n',
    });
  });

  test.each([
    ['no job at all', '', /no job on stdin/],
    ['half a job', '{"v":1,', /not JSON/],
    ['a list', '[]', /not a JSON object/],
    ['another version', JSON.stringify({ ...jobOf(firstRow), v: 2 }), /version 2/],
    ['no identity', JSON.stringify({ ...jobOf(firstRow), identity: undefined }), /no "identity"/],
    ['no slug', JSON.stringify(jobOf({ ...firstRow, slug: '' })), /"identity.slug"/],
    [
      'notes outside the batch folder',
      JSON.stringify(jobOf({ ...firstRow, notes: '../../package.json' })),
      /outside/,
    ],
    ['a folder as notes', JSON.stringify(jobOf({ ...firstRow, notes: 'notes' })), /EISDIR/],
    [
      'more words than the notes give',
      JSON.stringify(jobOf({ ...firstRow, wordsAtLeast: '9000' })),
      /9000 are wanted/,
    ],
    [
      'a revision that is no whole number',
      JSON.stringify({ ...jobOf(firstRow), revision: 1.5 }),
      /"revision"/,
    ],
  ])('refuses %s with exit code 65, one line on stderr and nothing on stdout', (_, stdin, why) => {
    const end = start(join(articles, 'write.mjs'), stdin);
    expect(end).toMatchObject({ status: 65, stdout: '' });
    expect(end.stderr).toMatch(why);
    expect(end.stderr.trim().split('\n')).toHaveLength(1);
  });

  test.each([
    ['an argument', { args: ['job.json'] }],
    ['a pace that is no number', { env: { WRITER_SECONDS: 'slow' } }],
    ['a log that can not be written', { env: { WRITER_LOG: '/' } }],
  ])('%s is misuse: exit code 64, nothing on stdout', (_, options: Start) => {
    expect(write(jobOf(firstRow), options)).toMatchObject({ status: 64, stdout: '' });
  });

  test('spreads its work over WRITER_SECONDS, so that a run can be interrupted half-way', () => {
    const startedMs = performance.now();
    const end = write(jobOf(firstRow), { env: { WRITER_SECONDS: '0.5' } });
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(450);
    expect(end.stderr.trim().split('\n').length).toBeGreaterThan(3);
  });

  test('logs one line per start, also of a start that fails later: that one was paid for too', () => {
    const log = join(folder, 'sessions.jsonl');
    const env = { WRITER_LOG: log };
    write(jobOf(firstRow), { env });
    write(jobOf(firstRow), { env });
    write(jobOf({ ...firstRow, notes: 'notes/not-there.md' }), { env });

    const lines = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      expect(Object.keys(line)).toEqual(['key', 'slug', 'pid', 'at']);
      expect(line).toMatchObject({ key: jobOf(firstRow).key, slug: firstRow.slug });
    }
  });
});

describe('the naive script', () => {
  const naive = (...args: string[]) => start(join(articles, 'naive.mjs'), '', { args, cwd: folder });

  test('posts every article under its name, and all of them once more when it is started again', () => {
    const first = naive('--out', 'posts');
    expect(first.stdout.trim().split('\n')).toHaveLength(12);
    const once = rows.map(({ site, category, slug }) => join(site, category, `${slug}.md`)).sort();
    expect(markdownIn(join(folder, 'posts'))).toEqual(once);

    naive('--out', 'posts');
    const twice = once.flatMap((name) => [name, name.replace('.md', '-2.md')]).sort();
    expect(markdownIn(join(folder, 'posts'))).toEqual(twice);
  });

  test('stops at the first error', () => {
    cpSync(join(articles, 'notes'), join(folder, 'notes'), { recursive: true });
    rmSync(join(folder, rows[1]!.notes));
    writeFileSync(join(folder, 'jobs.csv'), readFileSync(join(articles, 'jobs.csv')));
    const end = naive('--out', 'posts', '--jobs', 'jobs.csv');
    expect(end.status).toBe(1);
    expect(markdownIn(join(folder, 'posts'))).toHaveLength(1);
  });

  test('without --out it says how to use it and posts nothing', () => {
    expect(naive()).toMatchObject({ status: 64, stdout: '' });
    expect(existsSync(join(folder, 'posts'))).toBe(false);
  });
});

describe('the glossary agent of the translations example', () => {
  type Line = { site: string; slug: string; language: string; title: string; page: string };
  const lines = readFileSync(join(translations, 'jobs.jsonl'), 'utf8').trimEnd().split('\n');
  const jobs = lines.map((line) => {
    const { site, slug, language, ...input } = JSON.parse(line) as Line;
    return {
      v: 1,
      work: 'translation',
      key: 'k',
      identity: { site, slug, language },
      input,
      revision: 1,
      attempt: 1,
    };
  });
  const annotate = (job: unknown) =>
    start(join(translations, 'annotate.mjs'), JSON.stringify(job), { cwd: translations });

  test.each(jobs)(
    '$identity.language: every term is translated once in the text, the same on two runs',
    (job) => {
      const end = annotate(job);
      expect(end).toMatchObject({ status: 0, stderr: '' });
      expect(wordsIn(bodyOf(end.stdout))).toBeGreaterThanOrEqual(100);
      expect(end.stdout.match(/\(_[^_]+_\)/g)).toHaveLength(12);
      expect(annotate(job).stdout).toBe(end.stdout);
    },
  );

  test('a language that the glossary lacks exits 65 with nothing on stdout', () => {
    const job = jobs[0]!;
    const end = annotate({ ...job, identity: { ...job.identity, language: 'nl' } });
    expect(end).toMatchObject({ status: 65, stdout: '' });
    expect(end.stderr).toMatch(/no "nl"/);
  });
});
