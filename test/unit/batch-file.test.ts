/** Batch files as operators write them: what is read, and what is said about what can't be. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readBatch } from '../../src/batch/read-batch.js';
import { batchKey, jobKey } from '../../src/identity/keys.js';
import { batchFile, JOBS_CSV, problemsOf, read, withFolder } from './fixtures/batch/folder.js';

const problemsIn = (lines: Readonly<Record<string, string>>) =>
  problemsOf({ 'night.yaml': batchFile(lines), 'jobs.csv': JOBS_CSV });

test('a good batch is read with defaults, keys and places', async () => {
  await withFolder({ 'a/night.yaml': batchFile(), 'a/jobs.csv': JOBS_CSV }, async (cwd) => {
    const batch = await readBatch('a/night.yaml', { cwd });
    const keys = [jobKey({ site: 'blog', slug: 'one' }), jobKey({ site: 'blog', slug: 'two' })];
    const key = batchKey({ name: 'night', jobKeys: keys });
    expect(batch).toMatchObject({ file: 'a/night.yaml', key, workflowId: `batch:night:${key}` });
    expect(batch.definition).toMatchObject({
      baseDir: join(cwd, 'a'),
      checks: [{ notEmpty: true }],
      limits: { concurrency: 8 },
      agent: { timeout: '1h' },
    });
    expect(batch.definition).not.toHaveProperty('jobs');
    expect(batch.jobs.map((job) => job.key)).toEqual(keys);
    expect(batch.jobs[1]).toMatchObject({
      identity: { site: 'blog', slug: 'two' },
      input: { title: 'Second' },
      revision: 1,
      file: join('a', 'jobs.csv'),
      line: 3,
    });
  });
});

test('a batch file in JSON is the same batch', async () => {
  const json = JSON.stringify(
    {
      name: 'night',
      work: 'article',
      identity: ['site', 'slug'],
      jobs: './jobs.csv',
      agent: { use: 'command', command: ['node', 'write.mjs'] },
      effects: [{ name: 'post', use: 'folder', target: './public' }],
    },
    null,
    '\t',
  );
  const files = { 'night.yaml': batchFile(), 'night.json': json, 'jobs.csv': JOBS_CSV };
  expect((await read(files, { file: 'night.json' })).workflowId).toBe((await read(files)).workflowId);
});

test('a byte order mark and CRLF make no difference, also to the places of problems', async () => {
  const windows = `\ufeff${batchFile({ work: 'Article' }).replaceAll('\n', '\r\n')}`;
  expect(await problemsOf({ 'night.yaml': windows, 'jobs.csv': JOBS_CSV })).toEqual(
    await problemsIn({ work: 'Article' }),
  );
  expect(await problemsOf({ 'night.yaml': `\ufeffnme: x\n` })).toContain(
    'night.yaml:1:1: nme is no field that can stand here\n    did you mean "name"?',
  );
});

test('everything that is wrong is said in one round, of the batch file and of the jobs file', async () => {
  const file = [
    'name: A b',
    'wrok: article',
    'identity: [site, slug]',
    'jobs: ./jobs.csv',
    'agent: { use: command, timeout: soon, env: { KEY: "${env:A B}" }, outward: maybe }',
    'checks:',
    '  - minWord: 3',
    '  - { minWords: "3" }',
    '  - notEmpty',
    '  - { minWords: 3, maxWords: 5 }',
    'effects:',
    '  - name: post',
    '    use: Folder',
    '    target: ./public/{{ sit }}',
    '    with: { body: "{{ slug | shout }}", path: "{{ slug" }',
    'limits: { concurrency: 1.5, concurency: 3 }',
    'budget: { perJob: -1 }',
    'alerts: [{ use: mail, url: "" }, { use: webhook, url: "" }]',
  ].join('\n');
  const jobs = 'site,slug\nblog,one\nblog, two\nblog,one\n';
  expect(await problemsOf({ 'night.yaml': file, 'jobs.csv': jobs })).toEqual([
    'night.yaml:1:1: work is missing\n' +
      '    kind of work; jobs of the same work and identity are the same job, whatever batch names them',
    'night.yaml:1:7: name ("A b") must be 1 to 64 of a-z, 0-9 and "-", beginning with a letter or digit\n' +
      '    name of the batch; part of its Workflow ID',
    'night.yaml:2:1: wrok is no field that can stand here\n    did you mean "work"?',
    'night.yaml:5:33: agent.timeout ("soon") must be a duration such as "90s", "30m" or "2h"\n' +
      '    longest a session may take',
    'night.yaml:5:51: agent.env.KEY: "${env:A B}" is no reference to a variable\n' +
      '    write ${env:NAME}, a name of letters, digits and "_"',
    'night.yaml:5:76: agent.outward must be true or false, not the text "maybe"',
    'night.yaml:7:5: checks[0].minWord is no field that can stand here\n    did you mean "minWords"?',
    'night.yaml:8:17: checks[1].minWords must be a number, not the text "3"',
    'night.yaml:9:5: checks[2] must be an object of one field, not the text "notEmpty"\n' +
      '    known here: notEmpty, minWords, maxWords, contains, notContains, notTruncated, headings, frontMatter, links, jsonSchema, noPlaceholders, characters, notSimilar, use',
    'night.yaml:10:5: checks[3] has 2 fields, and each entry may have one\n    write each as an entry of its own',
    'night.yaml:13:10: effects[0].use ("Folder") must be an adapter name such as "folder", ' +
      'or a path such as "./my-adapter.ts"\n    publisher: folder, git, postgres, s3, azure-blob, wordpress, ghost, http, smtp, resend, stripe, or a module path',
    'night.yaml:14:13: effects[0].target names "sit", which no job has\n' +
      '    did you mean "site"? known here: site, slug, key, work, revision',
    'night.yaml:15:19: effects[0].with.body uses the filter "shout", which there is not; there are append, ' +
      'default, downcase, escape, first, join, json, last, prepend, replace, size, slice, split, strip, ' +
      'strip_html, truncate, upcase',
    'night.yaml:15:47: effects[0].with.path is not well formed: output "{{ slug" not closed',
    'night.yaml:16:24: limits.concurrency must be a whole number, not the number 1.5',
    'night.yaml:16:29: limits.concurency is no field that can stand here\n    did you mean "concurrency"?',
    'night.yaml:17:19: budget.perJob must be at least 0, not -1',
    'night.yaml:18:17: alerts[0].use must be one of "webhook", "slack", "email", "ntfy", "pagerduty", "command", not the text "mail"',
    'night.yaml:18:55: alerts[1].url must not be empty',
    'jobs.csv:3:6: the identity field "slug" begins with white space: " two"',
    'jobs.csv:4:1: one job is listed 2 times, at jobs.csv:2 and jobs.csv:4: "blog / one"\n' +
      '    keep one of them, or add a field to the identity that tells them apart',
  ]);
});

test.each([
  [
    { identity: '[site, runId]' },
    'night.yaml:3:18: identity[1] ("runId") says when or how a job runs, not what it is; ' +
      'use "edition" for repeating work (its nominal date or period)',
  ],
  [
    { identity: '[site, site]' },
    'night.yaml:3:11: identity names a field twice\n    fields that say what is processed',
  ],
  [{ identity: '[]' }, 'night.yaml:3:11: identity must have at least 1 entry'],
  [
    { identity: '[site, key]' },
    'night.yaml:3:18: identity: "key" has a meaning of its own in templates\n' +
      '    give the field another name, such as "key_name"',
  ],
  [
    { jobs: '5' },
    'night.yaml:4:7: jobs must be a text or a list or an object, not the number 5\n' +
      '    path of a .csv, .jsonl, .json or .yaml file; or the jobs themselves; or a program that prints JSON lines',
  ],
  [
    { jobs: '{ comand: [ls] }' },
    'night.yaml:4:9: jobs.comand is no field that can stand here\n    did you mean "command"?',
  ],
  [{ jobs: '{ command: [] }' }, 'night.yaml:4:18: jobs.command must have at least 1 entry'],
  [
    { jobs: './jobs.xlsx' },
    'night.yaml:4:7: jobs: "./jobs.xlsx" has no ending that says how to read it\n' +
      '    name a .csv, .jsonl, .json or .yaml file',
  ],
  [
    { agent: '{ use: command, command: [x], timeout: true }' },
    'night.yaml:5:47: agent.timeout must be a text or a number, not true',
  ],
  [
    { agent: '{ use: command, command: node x }' },
    'night.yaml:5:33: agent.command must be a list, not the text "node x"',
  ],
  [{ agent: '' }, 'night.yaml:5:8: agent must be an object, not empty'],
  [
    { effects: '[{ name: a, use: x, target: y }, { name: a, use: x, target: z }]' },
    'night.yaml:6:10: effects has two effects of one name',
  ],
  [
    { effects: '[{ name: a, use: x, target: "https://${env:HOST}/" }]' },
    'night.yaml:6:38: effects[0].target names a secret; a target is part of a key and shown in reports',
  ],
  [
    { effects: '[{ name: a, use: x, target: "{{ effect.key }}" }]' },
    'night.yaml:6:38: effects[0].target names "effect.key", which no job has\n' +
      '    the key is made from the target; name the fields themselves',
  ],
  [
    { effects: '[{ name: a, use: x, target: "{% include \'/etc/passwd\' %}" }]' },
    'night.yaml:6:38: effects[0].target uses the tag "include", which there is not; ' +
      'there are assign, capture, case, comment, for, if, raw, unless',
  ],
  [{ retry: '{ sessions: 99 }' }, 'night.yaml:7:20: retry.sessions must be at most 20, not 99'],
])('%j: the place and the sentence', async (lines, problem) => {
  expect(await problemsIn(lines)).toContain(problem);
});

test('a missing alias, a second document, a tag and a field written twice are each named', async () => {
  expect(await problemsIn({ name: '*nobody' })).toEqual([
    'night.yaml:1:7: *nobody is nowhere defined\n    a text that begins with * needs quotes around it',
  ]);
  expect(await problemsIn({ retry: '{}\n---\nname: other' })).toContain(
    'night.yaml:8:1: a second document begins here\n    one file holds one document',
  );
  expect(await problemsIn({ name: '!!js/function "x"' })).toContainEqual(
    expect.stringMatching(/^night\.yaml:1:7: tags are not read: Unresolved tag: .*js\/function/),
  );
  expect(await problemsIn({ retry: '{}\nname: other' })).toEqual([
    'night.yaml:8:1: a field is written twice\n    keep one of the two',
  ]);
});

test('broken YAML is shown where it breaks', async () => {
  expect(await problemsOf({ 'night.yaml': 'name: night\nwork: [article\njobs: x\n' })).toEqual([
    expect.stringMatching(/^night\.yaml:3:1: is no valid YAML: /),
  ]);
});

test('a document that would unfold without end is refused', async () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((c, i) => {
      const before = 'abcdefgh'[i];
      return `${c}: &${c} [${Array(9).fill(`*${before}`).join(',')}]`;
    }),
  ].join('\n');
  expect(await problemsOf({ 'night.yaml': bomb })).toEqual([
    expect.stringMatching(/^night\.yaml:1:1: is no usable YAML: Excessive alias count/),
  ]);
});

test('nesting that would end the stack is a problem, not a crash', async () => {
  expect(await problemsOf({ 'night.yaml': `a: ${'['.repeat(200_000)}` })).not.toEqual([]);
  expect(await problemsOf({ 'night.yaml': `a: ${'['.repeat(200)}${']'.repeat(200)}` })).toEqual([
    expect.stringMatching(/the file is nested more than 100 deep$/),
  ]);
});

test('an alias is followed, and problems point at what was written', async () => {
  const effects = '[{ name: a, use: x, target: &t "{{ nobody }}" }, { name: b, use: x, target: *t }]';
  const hint = '\n    known here: site, slug, title, key, work, revision';
  expect(await problemsIn({ effects })).toEqual([
    `night.yaml:6:41: effects[0].target names "nobody", which no job has${hint}`,
    `night.yaml:6:86: effects[1].target names "nobody", which no job has${hint}`,
  ]);
});

test('a file that is not there, is a folder, is too large or is no UTF-8 is one problem', async () => {
  expect(await problemsOf({})).toEqual(['night.yaml: no such file']);
  expect(await problemsOf({ 'night.yaml/x': '' })).toEqual(['night.yaml: is a folder, not a file']);
  expect(await problemsOf({ 'night.yaml': '#'.repeat(5 * 1024 * 1024 + 1) })).toEqual([
    'night.yaml: is larger than 5 MiB, the most that is read',
  ]);
  expect(await problemsOf({ 'night.yaml': Buffer.from('name: a\nwork: caf\xe9\n', 'latin1') })).toEqual([
    'night.yaml:2: has bytes that are no UTF-8 text\n    save it as UTF-8',
  ]);
  expect(await problemsOf({ 'night.yaml': Buffer.from('\ufeffname: a\n', 'utf16le') })).toEqual([
    'night.yaml: is UTF-16 text\n    save it as UTF-8',
  ]);
});

test('a file that holds no fields is told what a batch file is', async () => {
  const sentence = 'a batch file holds fields such as name, work, jobs, agent and effects, not';
  expect(await problemsOf({ 'night.yaml': '- a\n' })).toEqual([`night.yaml:1:1: ${sentence} a list`]);
  expect(await problemsOf({ 'night.yaml': '' })).toEqual([`night.yaml:1:1: ${sentence} empty`]);
});

test('a missing jobs file is named as seen from where the operator stands', async () => {
  expect(await problemsOf({ 'deep/night.yaml': batchFile() }, { file: 'deep/night.yaml' })).toEqual([
    `${join('deep', 'night.yaml')}:4:7: jobs: ${join('deep', 'jobs.csv')}: no such file`,
  ]);
});

test.each([
  ['budget', '0.5', 'the number 0.5', 'most that may be spent, such as { perJob: 0.50, perBatch: 20 }'],
  ['limits', '8', 'the number 8', 'how much at once, such as { concurrency: 8 }'],
  ['retry', '3', 'the number 3', /^how often and how long .* such as \{ sessions: 3, patience: 12h \}$/],
])('%s: %s is told what it holds instead', async (field, value, not, hint) => {
  const [problem = ''] = await problemsIn({ [field]: value });
  const [said, told = ''] = problem.split('\n    ');
  expect(said).toMatch(new RegExp(`: ${field} must be an object, not ${not}$`));
  expect(told).toMatch(hint);
});

test('a field named __proto__ never reaches an object', async () => {
  const [problem] = await problemsIn({
    agent: '{ use: command, command: [x], with: { __proto__: { a: 1 } } }',
  });
  expect(problem).toBe('night.yaml:5:46: the file has a field named __proto__');
  expect(({} as { a?: number }).a).toBeUndefined();
});

test('a field that some jobs lack is found before anything is paid for', async () => {
  const effects =
    '[{ name: post, use: folder, target: "./{{ title }}", with: { sub: "{{ title | default: \'-\' }}" } }]';
  expect(
    await problemsOf({ 'night.yaml': batchFile({ effects }), 'jobs.csv': 'site,slug,title\nb,1,x\nb,2,\n' }),
  ).toEqual([
    `jobs.csv:3: effects[0].target can't be filled in: template "./{{ title }}" names "title", ` +
      'which this job does not have\n' +
      '    add the field to the job, or give it a default: {{ field | default: "..." }}',
  ]);
});

test('a nested field is looked at in every job', async () => {
  const agent = '{ use: command, command: [x], prompt: "{{ meta.topic }}" }';
  const jobs = '{"site":"b","slug":"1","meta":{"topic":"x"}}\n{"site":"b","slug":"2","meta":{}}\n';
  expect(
    await problemsOf({ 'night.yaml': batchFile({ agent, jobs: './j.jsonl' }), 'j.jsonl': jobs }),
  ).toEqual([expect.stringMatching(/^j\.jsonl:2: agent\.prompt can't be filled in: .* names "meta\.topic"/)]);
});

test('a column named like something templates always have must be named through input', async () => {
  const files = (prompt: string) => ({
    'night.yaml': batchFile({ agent: `{ use: command, command: [x], prompt: "${prompt}" }` }),
    'jobs.csv': 'site,slug,key\nb,1,x\n',
  });
  expect(await problemsOf(files('{{ key }}'))).toEqual([
    'night.yaml:5:46: agent.prompt names "key", which is a field of the jobs and has a meaning of its own\n' +
      '    write input.key for the field',
  ]);
  expect(await problemsOf(files('{{ input.key }}'))).toEqual([]);
});

test.each([
  ['case', 'One', 'one', '"b / One" and "b / one"'],
  ['a run of spaces', 'a  b', 'a b', '"b / a  b" and "b / a b"'],
  ['a no-break space', 'a b', 'a\u00a0b', '"b / a b" and "b / a\\u{a0}b"'],
  ['a joiner', 'a\u200cb', 'ab', '"b / a\\u{200c}b" and "b / ab"'],
  ['the look of an emoji', '\u2764\ufe0f', '\u2764', '"b / \u2764\ufe0f" and "b / \u2764"'],
])('jobs that differ only in %s are two jobs, and the operator is told', async (_, first, second, titles) => {
  const files = { 'night.yaml': batchFile(), 'jobs.csv': `site,slug\nb,${first}\nb,${second}\n` };
  const { jobs, notes } = await read(files);
  expect(jobs).toHaveLength(2);
  expect(notes).toEqual([`jobs.csv:2 and jobs.csv:3 are two jobs that look like one: ${titles}`]);
});

test('reading stops when it is cancelled', async () => {
  const files = { 'night.yaml': batchFile(), 'jobs.csv': JOBS_CSV };
  await expect(read(files, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
});
