#!/usr/bin/env node
// Writes an article for every row of jobs.csv and posts it.
// Usage: node naive.mjs --out DIR [--jobs jobs.csv]
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: { out: { type: 'string' }, jobs: { type: 'string', default: join(here, 'jobs.csv') } },
});
if (!values.out) {
  console.error('usage: node naive.mjs --out DIR [--jobs jobs.csv]');
  process.exit(64);
}
const jobsFile = resolve(values.jobs);

for (const row of readCsv(jobsFile)) {
  const { site, category, slug, revision, ...input } = row;
  const job = {
    v: 1,
    work: 'article',
    key: randomUUID(),
    identity: { site, category, slug },
    input,
    revision: Number(revision ?? 1),
    attempt: 1,
  };
  try {
    console.log(`posted ${post(job.identity, write(job))}`);
  } catch (error) {
    console.error(`${slug}: ${error.message}`);
    process.exit(1);
  }
}

/** Starts the writing agent and waits for its article. */
function write(job) {
  return execFileSync(process.execPath, [join(here, 'write.mjs')], {
    cwd: dirname(jobsFile), // notes are named relative to the jobs file
    input: JSON.stringify(job),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** Posts under the next free name, as content systems do: slug, slug-2, slug-3 … */
function post({ site, category, slug }, article) {
  const folder = join(values.out, site, category);
  mkdirSync(folder, { recursive: true });
  let file = join(folder, `${slug}.md`);
  for (let n = 2; existsSync(file); n++) file = join(folder, `${slug}-${n}.md`);
  writeFileSync(file, article);
  return file;
}

/** Rows as objects. Fields may be quoted, and then hold commas, line breaks and doubled quotes. */
function readCsv(file) {
  const rows = [[]];
  const text = readFileSync(file, 'utf8').trimEnd();
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    rows.at(-1).push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === '') break;
    if (end !== ',') rows.push([]);
  }
  const [names, ...records] = rows;
  return records.map((record) => Object.fromEntries(names.map((name, i) => [name, record[i]])));
}
