#!/usr/bin/env node
/**
 * One translation job as JSON on stdin; on stdout the page with every glossary term translated where it
 * first occurs, and the terms once more in a table. Same job, page and glossary: same bytes.
 * Exit codes: 0 page written, 65 the job, its page or the glossary can't be used (stdout stays empty).
 */
import { readFileSync } from 'node:fs';

try {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const job = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  const glossary = JSON.parse(readFileSync('glossary.json', 'utf8'));
  process.stdout.write(annotate(job, readFileSync(job.input.page, 'utf8'), glossary));
} catch (error) {
  process.stderr.write(`annotate: ${error.message}\n`);
  process.exitCode = 65;
}

function annotate({ identity, input, key, revision }, page, glossary) {
  const { site, slug, language } = identity;
  const terms = Object.keys(glossary).sort((a, b) => b.length - a.length); // "tyre lever" before "tyre"
  const missing = terms.filter((term) => !glossary[term][language]);
  if (missing.length > 0) throw new Error(`the glossary has no "${language}" for ${missing.join(', ')}`);

  const used = new Set();
  const anyTerm = new RegExp(`\\b(${terms.join('|')})\\b`, 'gi');
  const text = page.trim().replace(anyTerm, (word) => {
    const term = word.toLowerCase();
    if (used.has(term)) return word;
    used.add(term);
    return `${word} (_${glossary[term][language]}_)`;
  });
  if (used.size === 0) throw new Error(`${input.page} uses no term of the glossary`);

  const front = { title: input.title, site, slug, language, key, revision, terms: used.size };
  return [
    '---',
    ...Object.entries(front).map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
    '---',
    '',
    `# ${input.title}`,
    '',
    text,
    '',
    '## Words',
    '',
    `| en | ${language} |`,
    '| --- | --- |',
    ...[...used].sort().map((term) => `| ${term} | ${glossary[term][language]} |`),
    '',
  ].join('\n');
}
