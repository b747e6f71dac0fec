/** Jobs in every form they may come in: what becomes a job, and which line of what file is to blame when not. */
import { expect, test } from 'vitest';
import { readCommand } from '../../src/batch/jobs-command.js';
import { NothingToDo } from '../../src/contract/errors.js';
import { batchFile, problemsOf, read, type Files } from './fixtures/batch/folder.js';
import { rounds } from '../support/rounds.js';

const withJobs = (name: string, content: string): Files => ({
  'night.yaml': batchFile({ jobs: `./${name}` }),
  [name]: content,
});
const jobsIn = async (name: string, content: string) => (await read(withJobs(name, content))).jobs;
const problemsIn = (name: string, content: string) => problemsOf(withJobs(name, content));
const inlineJobs = (jobs: string): Files => ({ 'night.yaml': batchFile({ jobs }) });
const commandJobs = (program: string): Files => ({
  'night.yaml': batchFile({ jobs: JSON.stringify({ command: ['node', 'list.cjs'] }) }),
  'list.cjs': program,
});

const ONE_JOB_EACH: readonly [string, string][] = [
  ['jobs.csv', 'site,slug,title,revision\nblog,caf\u00e9,A,2\n'],
  ['jobs.jsonl', '{"site":"blog","slug":"cafe\u0301","title":"A","revision":2}\n'],
  ['jobs.ndjson', '{"title":"A","revision":2,"slug":"caf\\u00e9","site":"blog"}'],
  ['jobs.json', '[{"site":"blog","slug":"caf\u00e9","title":"A","revision":2}]'],
  ['jobs.yaml', '- site: blog\n  slug: caf\u00e9\n  title: A\n  revision: 2\n'],
  ['jobs.yml', '- {slug: cafe\u0301, site: blog, title: A, revision: 2}\n'],
];

test('one job is the same job in every format, order of fields and Unicode form', async () => {
  const all = await Promise.all(ONE_JOB_EACH.map(([name, content]) => jobsIn(name, content)));
  all.push((await read(inlineJobs('[{ site: blog, slug: caf\u00e9, title: A, revision: 2 }]'))).jobs);
  all.push(
    (await read(commandJobs(`console.log('{"site":"blog","slug":"caf\u00e9","title":"A","revision":2}')`)))
      .jobs,
  );
  const [first] = all;
  for (const jobs of all) {
    expect(jobs).toHaveLength(1);
    expect(jobs[0]).toMatchObject({
      key: first?.[0]?.key,
      fingerprint: first?.[0]?.fingerprint,
      identity: { site: 'blog', slug: 'caf\u00e9' },
      input: { title: 'A' },
      revision: 2,
    });
    expect(Object.keys(jobs[0]?.identity ?? {})).toEqual(['site', 'slug']); // declared order
  }
});

test('the revision and the place of a job are no part of its key or fingerprint', async () => {
  const [a] = await jobsIn('jobs.csv', 'site,slug,revision\nb,1,1\n');
  const [, b] = await jobsIn('jobs.csv', 'site,slug,revision\nb,0,1\nb,1,7\n');
  expect([b?.key, b?.fingerprint]).toEqual([a?.key, a?.fingerprint]);
});

test('CSV: quoted line breaks, CRLF, blank lines and a byte order mark keep line numbers right', async () => {
  const lines = ['\ufeffsite,slug,body', 'b,1,"x', 'y ""q"", z"', '', 'b,2,', 'b,3,last'];
  const unix = await jobsIn('jobs.csv', lines.join('\n'));
  expect(unix.map((job) => job.line)).toEqual([2, 5, 6]);
  expect(unix.map((job) => job.input)).toEqual([{ body: 'x\ny "q", z' }, {}, { body: 'last' }]);
  expect(await jobsIn('jobs.csv', lines.join('\r\n') + '\r\n')).toEqual(unix); // same fingerprints too
});

test('CSV: an empty cell and a missing column are one fingerprint', async () => {
  const [empty] = await jobsIn('jobs.csv', 'site,slug,note\nb,1,\n');
  const [none] = await jobsIn('jobs.csv', 'site,slug\nb,1\n');
  expect(empty?.fingerprint).toBe(none?.fingerprint);
});

test('CSV: bad headers are each named, with their column', async () => {
  expect(await problemsIn('jobs.csv', 'site,,note,note, x,__proto__,Slug\nb,1,2,3,4,5,6\n')).toEqual([
    'jobs.csv:1:1: the identity field "slug" has no column\n    did you mean "Slug"?',
    'jobs.csv:1:6: column 2 has no name\n    the first row names the columns',
    'jobs.csv:1:12: column "note" is there twice',
    'jobs.csv:1:17: column name " x" has white space at an end',
    'jobs.csv:1:20: no column may be named __proto__',
  ]);
});

test.each([
  ['semicolons', 'site;slug;title\nb;1;A, B\n'],
  ['semicolons', 'Site;Slug;Title\nb;1;A\n'],
  ['semicolons', 'slug;site;a, b\nb;1;A\n'],
  ['tabs', 'site\tslug\nb\t1\n'],
])('CSV: a table that is separated by %s is told as that, and as nothing else', async (separator, csv) => {
  expect(await problemsIn('jobs.csv', csv)).toEqual([
    `jobs.csv:1:1: the columns are separated by ${separator}, and are read as separated by commas\n` +
      '    save the table with commas; some spreadsheets take what the language of the computer says',
  ]);
});

test('CSV: quoted names that no comma separates say so; a semicolon inside a good header says nothing', async () => {
  expect(await problemsIn('jobs.csv', '"site";"slug"\n"b";"1"\n')).toEqual([
    expect.stringMatching(
      /^jobs.csv:1: text follows the closing quote .*\n {4}columns are separated by commas$/,
    ),
  ]);
  expect(await jobsIn('jobs.csv', 'site,slug,a;b\nb,1,x\n')).toHaveLength(1);
});

test('CSV: every ragged row is found, and cells are named by line and column', async () => {
  const csv = 'site,slug,t\nb,1\n"x, y",,"long\ntext"\nb,2,t,u\nb,"a\tb",t\n';
  const hint = '\n    a cell that holds a comma or a line break needs double quotes around it';
  expect(await problemsIn('jobs.csv', csv)).toEqual([
    `jobs.csv:2:1: has 2 cells, the header has 3${hint}`,
    'jobs.csv:3:8: the identity field "slug" is empty',
    `jobs.csv:5:1: has 4 cells, the header has 3${hint}`,
    'jobs.csv:6:3: the identity field "slug" has the control character U+0009: "a\\tb"',
  ]);
});

test('CSV: a quote that is never closed, or stands inside a cell, is named by its line', async () => {
  expect(await problemsIn('jobs.csv', 'site,slug\nb,1\nb,"2\nb,3\n')).toEqual([
    expect.stringMatching(/^jobs\.csv:\d: a double quote that opened a cell before here is never closed$/),
  ]);
  expect(await problemsIn('jobs.csv', 'site,slug\nb,x"y\n')).toEqual([
    'jobs.csv:2: a double quote stands inside a cell that is not quoted; quote the cell and write ""',
  ]);
});

test('JSON Lines: each broken line is one problem with its column, and the others are still read', async () => {
  const lines = [
    '{"site":"b","slug":"1"}',
    '',
    '{"site":"b","slug":}',
    '{"site":"b","slug":"2","slug":"3"}',
    '[1]',
    '{"site":"b","slug":"4"} {"x":1}',
    '{"site":"b","slug":"5\\x"}',
    '{"site":"b","__proto__":{"a":1},"slug":"6"}',
    '  {"site":"b","slug":7.10}',
    '{"site":"b"}',
    '{"site":"b","slug":12345678901234567890}',
    '{"site":"b","slug":"8","revision":0}',
    '{"site":"b"',
  ];
  expect(await problemsIn('jobs.jsonl', lines.join('\r\n'))).toEqual([
    'jobs.jsonl:3:20: is no valid JSON: a value should stand here',
    'jobs.jsonl:4:24: has the field "slug" twice',
    'jobs.jsonl:5:1: a job must be an object, not a list',
    'jobs.jsonl:6:25: more text follows the job on its line',
    'jobs.jsonl:7:22: has an escape that JSON does not know',
    'jobs.jsonl:8:1: the job has a field named __proto__',
    'jobs.jsonl:9:22: the identity field "slug" is written 7.10 and reads as the number 7.1\n' +
      '    write "7.10" in quotes, or 7.1',
    'jobs.jsonl:10:1: the identity field "slug" is missing\n    known here: site',
    'jobs.jsonl:11:20: the identity field "slug" is a number too large to be exact; write it in quotes: 12345678901234567000',
    'jobs.jsonl:12:35: revision must be a whole number from 1 on, not 0',
    'jobs.jsonl:13:12: is no valid JSON: "," or "}" should stand here, and the text ends',
  ]);
});

test('JSON: jobs know their lines, and a mistake is shown where it is', async () => {
  const jobs = await jobsIn(
    'jobs.json',
    '[\n  {"site":"b","slug":"1"},\n\n  {"site":"b",\n   "slug":"2"}\n]\n',
  );
  expect(jobs.map((job) => job.line)).toEqual([2, 4]);
  expect(
    await problemsIn('jobs.json', '[\n  {"site":"b","slug":"1"},\n  {"site":"b" "slug":"2"}\n]'),
  ).toEqual(['jobs.json:3:15: is no valid JSON: "," or "}" should stand here']);
  expect(await problemsIn('jobs.json', '[{"site":"b","slug":"1"},]')).toEqual([
    'jobs.json:1:26: is no valid JSON: a value should stand here',
  ]);
  expect(await problemsIn('jobs.json', '{"site":"b"}')).toEqual([
    'jobs.json:1:1: a list of jobs should begin here\n    write [ { ... }, { ... } ]',
  ]);
  await expect(jobsIn('jobs.json', '[]\n]')).rejects.toThrow(NothingToDo);
});

test('YAML: jobs know their lines, and a number that reads as another is refused', async () => {
  expect(
    (await jobsIn('jobs.yaml', '- site: b\n  slug: x\n- site: b\n  slug: 7\n')).map((job) => job.line),
  ).toEqual([1, 3]);
  expect(await problemsIn('jobs.yaml', '- site: b\n  slug: 1.10\n- x\n- site: 007\n  slug: ~\n')).toEqual([
    'jobs.yaml:2:9: the identity field "slug" is written 1.10 and reads as the number 1.1\n' +
      '    write "1.10" in quotes, or 1.1',
    'jobs.yaml:3:3: a job must be an object, not the text "x"',
    'jobs.yaml:4:9: the identity field "site" is written 007 and reads as the number 7\n' +
      '    write "007" in quotes, or 7',
    'jobs.yaml:5:9: the identity field "slug" is null',
  ]);
  expect(await problemsIn('jobs.yaml', 'jobs: []\n')).toEqual([
    'jobs.yaml:1:1: a list of jobs should stand here, not an object',
  ]);
});

test('inline jobs: places are those of the batch file', async () => {
  expect(
    await problemsOf(inlineJobs('\n  - { site: b, slug: 1 }\n  - { site: b, slug: "1" }\n  - x\n')),
  ).toEqual([
    'night.yaml:6:5: one job is listed 2 times, at night.yaml:5 and night.yaml:6: "b / 1"\n' +
      '    keep one of them, or add a field to the identity that tells them apart',
    'night.yaml:7:5: a job must be an object, not the text "x"',
  ]);
  expect(await problemsOf(inlineJobs('[]'))).toEqual([
    'night.yaml: there is nothing to do: no jobs in night.yaml',
  ]);
});

test('twins are one problem that names every line, also in two Unicode spellings', async () => {
  const rows = ['blog,caf\u00e9', 'blog,x', 'blog,cafe\u0301', 'blog,caf\u00e9'];
  expect(await problemsIn('jobs.csv', `site,slug\n${rows.join('\n')}\n`)).toEqual([
    'jobs.csv:4:1: one job is listed 3 times, at jobs.csv:2 and jobs.csv:4 and jobs.csv:5: "blog / caf\u00e9"\n' +
      '    keep one of them, or add a field to the identity that tells them apart',
  ]);
});

test('a file without jobs is nothing to do, and no problem', async () => {
  for (const [name, content] of [
    ['jobs.csv', 'site,slug\n'],
    ['jobs.jsonl', '\n'],
    ['jobs.csv', ''],
  ] as const) {
    const error = await jobsIn(name, content).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NothingToDo);
    expect(error).toMatchObject({ message: `nothing to do: ${name} lists no jobs` });
  }
});

test('a value in a message is escaped and cut: a jobs file cannot write to the terminal', async () => {
  const [problem = ''] = await problemsIn('jobs.csv', `site,slug\nb,\u001b[31m${'x'.repeat(100)}\u202e\n`);
  expect(problem).toContain('U+001B: "\\u001b[31mxxx');
  expect(problem).toMatch(/x\u2026"$/);
  expect(await problemsIn('jobs.csv', 'site,slug\nb,"a\u202e\u009b "\n')).toEqual([
    'jobs.csv:2:3: the identity field "slug" ends with white space: "a\\u{202e}\\u{009b} "',
  ]);
});

test('a thousand bad lines are a hundred problems and a number', async () => {
  const rows = Array.from({ length: 1000 }, (_, i) => ` b,${i}`).join('\n');
  const problems = await problemsIn('jobs.csv', `site,slug\n${rows}\n`);
  expect(problems).toHaveLength(101);
  expect(problems.at(-1)).toBe('jobs.csv: has 900 more problems');
});

test('a job of more than 1 MiB is refused by its line', async () => {
  const wide = '\u65e5'.repeat(400 * 1024); // 1.2 MiB in 400 Ki characters
  expect(await problemsIn('jobs.csv', `site,slug,t\nb,1,${wide}\n`)).toEqual([
    'jobs.csv:2:1: the job is larger than 1 MiB',
  ]);
  const big = 'x'.repeat(1024 * 1024);
  expect(
    await problemsIn('jobs.jsonl', `{"site":"b","slug":"1"}\n{"site":"b","slug":"2","t":"${big}"}\n`),
  ).toEqual(['jobs.jsonl:2:1: the job is larger than 1 MiB']);
  expect(await problemsIn('jobs.jsonl', 'x'.repeat(3 * 1024 * 1024))).toEqual([
    'jobs.jsonl:1: is a line longer than a job may be',
  ]);
});

test('more than 200,000 jobs are refused', async () => {
  const rows = Array.from({ length: 200_001 }, (_, i) => `b,${i}`).join('\n');
  expect(await problemsIn('jobs.csv', `site,slug\n${rows}\n`)).toEqual([
    'jobs.csv:200002:1: is more than 200000 jobs\n    cut the list into several batches',
  ]);
});

const ROWS = rounds(20_000, 100_000);

test(`${ROWS} rows with awkward cells are read in order, line by line`, async () => {
  const row = (i: number) => `blog,article-${i},"Title ${i}, with ""quotes""\nand a second line"\n`;
  const csv = `site,slug,title\n${Array.from({ length: ROWS }, (_, i) => row(i)).join('')}`;
  const jobs = await jobsIn('jobs.csv', csv);
  expect(jobs).toHaveLength(ROWS);
  expect(jobs.at(-1)).toMatchObject({
    line: 2 * ROWS,
    identity: { site: 'blog', slug: `article-${ROWS - 1}` },
    input: { title: `Title ${ROWS - 1}, with "quotes"\nand a second line` },
  });
});

test('a command gets PATH and HOME, no shell, and the folder of the batch file', async () => {
  const program = `
    const { PATH, HOME, ...rest } = process.env;
    const extra = Object.keys(rest).filter((name) => !name.startsWith('__'));
    console.log(JSON.stringify({ site: 'b', slug: '1', extra, home: HOME, here: require('fs').existsSync('list.cjs') }));`;
  const env = { PATH: process.env['PATH'], HOME: '/nowhere', SECRET: 'x' };
  const { jobs } = await read(commandJobs(program), { env });
  expect(jobs[0]).toMatchObject({ input: { extra: [], home: '/nowhere', here: true }, line: 1 });
});

test('a command that fails is one problem where it is named, with its last words; half a list is none', async () => {
  const program = `console.log('{"site":"b","slug":"1"}\\n{"site":'); console.error('no\\u001b[1m database'); process.exitCode = 3;`;
  expect(await problemsOf(commandJobs(program))).toEqual([
    'night.yaml:4:18: the command "node list.cjs" ended with exit code 3\n    its last words: no [1m database',
  ]);
});

test('a bad line of a command is named by its line in the output', async () => {
  expect(await problemsOf(commandJobs(`console.log('{"site":"b","slug":"1"}\\nready')`))).toEqual([
    'output of "node list.cjs":2:1: is no valid JSON: a value should stand here',
  ]);
});

test('a program that is not there is a problem', async () => {
  expect(await problemsOf({ 'night.yaml': batchFile({ jobs: '{ command: [./no-such-program] }' }) })).toEqual(
    ['night.yaml:4:18: the command "./no-such-program" can\'t be started: no such program'],
  );
});

test('a command is not run while the batch file is wrong', async () => {
  const files = commandJobs(`require('fs').writeFileSync('ran', '');`);
  const wrong = { ...files, 'night.yaml': `${files['night.yaml'] as string}nam: x\n` };
  expect(await problemsOf(wrong)).toEqual([
    'night.yaml:7:1: nam is no field that can stand here\n    did you mean "name"?',
  ]);
});

test('a command that takes too long, or prints no text, is stopped', async () => {
  const run = async (script: string, timeoutMs: number) => {
    const rows = readCommand({
      argv: ['node', '-e', script],
      cwd: '.',
      env: process.env,
      report: () => undefined,
      timeoutMs,
    });
    for await (const _ of rows);
  };
  await expect(run('setInterval(() => {}, 1000)', 300)).rejects.toThrow(/took longer than 0\.3 s$/);
  await expect(run('process.stdout.write(Buffer.from([0xff, 0x0a]))', 10_000)).rejects.toThrow(
    /no UTF-8 text$/,
  );
});
