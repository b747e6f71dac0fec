// What an operator is told of a batch file that can't be run: everything, each at its place, in one round.
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { optionsPage } from '../../src/activities/load-adapter.js';
import { createNightshift } from '../../src/client/nightshift.js';
import { formatProblem, InvalidBatch } from '../../src/contract/errors.js';

const REMOTE = { TEMPORAL_ADDRESS: '127.0.0.1:1' };

async function problemsOf(yaml: string, env: Record<string, string> = {}): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'nightshift-problems-'));
  const file = join(dir, 'batch.yaml');
  writeFileSync(file, yaml);
  const nightshift = createNightshift({ state: join(dir, 'state'), env });
  try {
    await nightshift.read(file);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidBatch)) throw error;
    return error.problems.map((problem) => formatProblem(problem).replaceAll(`${dir}/`, ''));
  } finally {
    await nightshift.close();
  }
}

const batchFile = (
  o: { jobs?: string; agent?: string; effect?: string; more?: string } = {},
): string => `name: nightly
work: article
identity: [slug]
jobs: ${o.jobs ?? '[{ slug: one }]'}
agent: ${o.agent ?? '{ use: command, command: [sh] }'}
effects:
  - name: post
    target: blog
    ${o.effect ?? 'use: http\n    with: { url: https://example.org }'}
${o.more ?? ''}`;

test('an option of a wrong name is told at its line, with the name that was meant', async () => {
  const effect = 'use: http\n    with:\n      ulr: https://example.org\n      url: https://example.org';
  const said = [
    'batch.yaml:11:7: effects[0].with.ulr is no field that can stand here\n    did you mean "url"?',
  ];
  expect(await problemsOf(batchFile({ effect }))).toEqual(said);
  expect(await problemsOf(batchFile({ effect }), REMOTE), 'wherever it runs').toEqual(said);
});

test('a field that an agent does not take is told at its own place, not as an option', async () => {
  const agent = '{ use: claude, cwd: ./here, with: { agent: agent_1, enviroment: env_1 } }';
  expect(await problemsOf(batchFile({ agent }), { ANTHROPIC_API_KEY: 'key' })).toEqual([
    'batch.yaml:5:15: agent.prompt is missing: it is all that the agent is given\n    prompt: Write about {{ title }}.',
    'batch.yaml:5:23: agent.cwd is not for the provider claude',
    'batch.yaml:5:42: agent.with.environment is missing\n    id of the cloud environment, env_…; see docs/providers/claude.md',
    'batch.yaml:5:60: agent.with.enviroment is no field that can stand here\n    did you mean "environment"?',
  ]);
});

test('a budget in another currency than its agent books is refused before anything is paid for', async () => {
  const agent = '{ use: antigravity, prompt: Hi }';
  const env = { GEMINI_API_KEY: 'key' };
  const more = (currency: string) => `budget: { perBatch: 5, currency: ${currency} }`;
  const said = [
    "batch.yaml:11:34: budget.currency is EUR, but what sessions of antigravity cost is booked in USD, and the two can't be added\n    currency: USD, and the amounts of the budget in it",
  ];
  expect(await problemsOf(batchFile({ agent, more: more('EUR') }), env)).toEqual(said);
  expect(await problemsOf(batchFile({ agent, more: more('EUR') }), REMOTE), 'wherever it runs').toEqual(said);
  expect(await problemsOf(batchFile({ agent, more: more('USD') }), env)).toEqual([]);
  expect(await problemsOf(batchFile({ more: more('EUR') })), 'a program says it itself').toEqual([]);
});

test('a budget of each site is refused where jobs have none: it would never hold', async () => {
  expect(await problemsOf(batchFile({ more: 'budget: { perSite: 0.01 }' }))).toEqual([
    'batch.yaml:11:20: budget.perSite never holds: the identity of the jobs has no field "site"\n    add "site" to identity, or bound what all batches spend in one day by budget.perDay',
  ]);
});

test.each([
  [
    'budget: { perBatch: 5, dayEndsAt: "12:00" }',
    '11:35: budget.dayEndsAt does nothing: no amount of the budget is for a day\n    leave it out, or add perDay or perSite',
  ],
  [
    'retry: { classes: { auth: { tries: 4 } } }',
    '11:27: retry.classes.auth does nothing: what fails so is not tried again\n    leave it out; docs/reference/errors.md says what follows instead',
  ],
  [
    'retry: { classes: { rejected: { tries: 9 } } }',
    '11:40: retry.classes.rejected.tries does nothing: sessions whose output is rejected have a number of their own\n    write it as retry: { rejected: 9 }',
  ],
  [
    'retry: { classes: { lost: { wait: 10m, waitAtMost: 1s } } }',
    '11:35: retry.classes.lost.wait is longer than retry.classes.lost.waitAtMost, which cuts it short\n    raise waitAtMost, or write wait: 1s',
  ],
  [
    'retry: { classes: { lost: {} } }',
    '11:27: retry.classes.lost is empty and does nothing\n    leave it out, or say wait, waitAtMost or tries',
  ],
  [
    'retry: { classes: { lost: { wait: 0s } } }',
    '11:35: retry.classes.lost.wait of no time stays none however often it is doubled: all tries would come at once\n    write a short one, such as wait: 1s',
  ],
  [
    'retry: { classes: { lost: { wait: 400d } } }',
    '11:35: retry.classes.lost.wait is longer than retry.patience, 12h, and nothing is waited for past that\n    write a shorter one, or raise patience to 400d at least',
  ],
  [
    'retry: { patience: 0s }',
    '11:20: retry.patience of no time means that nothing which fails is ever tried again\n    write how long a service may be away, such as patience: 10m',
  ],
  [
    'retry: { classes: { throtled: { wait: 1s } } }',
    '11:21: retry.classes.throtled is no field that can stand here\n    did you mean "throttled"?',
  ],
  [
    'retry: { classes: { network: { wait: 1s } } }',
    '11:21: retry.classes.network is no field that can stand here\n    known here: transient, throttled, exhausted, auth, config, invalid, rejected, budget, unknown, lost, timeout, conflict, bug',
  ],
  [
    'stopLoss: [{ class: any, count: 2, window: 0s }]',
    '11:44: stopLoss[0].window never holds a job that ended, so the rule never stops anything\n    write how far back ends count, such as window: 1h',
  ],
])('a number that would do nothing is refused at its place, with what to write: %s', async (more, said) => {
  expect(await problemsOf(batchFile({ more }))).toEqual([`batch.yaml:${said}`]);
});

test('numbers of retries that do something are taken as they are', async () => {
  const more =
    'retry: { rejected: 9, classes: { transient: { tries: 1 }, lost: { wait: 10m }, rejected: { wait: 5s } } }';
  expect(await problemsOf(batchFile({ more }))).toEqual([]);
});

test.each([
  ['{ use: antigravity }', '15: agent.prompt is missing: it is all that the agent is given'],
  [
    '{ use: claude, with: { agent: a, environment: e } }',
    '15: agent.prompt is missing: it is all that the agent is given',
  ],
  ['{ use: antigravity, prompt: " " }', '36: agent.prompt is empty: it is all that the agent is given'],
  ['{ use: command, preset: codex }', '32: agent.prompt is missing: it is all that a preset is given'],
])('%s can do nothing for any job, and is told before the first', async (agent, said) => {
  const env = { GEMINI_API_KEY: 'key', ANTHROPIC_API_KEY: 'key' };
  const problems = await problemsOf(batchFile({ agent }), env);
  expect(problems).toContain(`batch.yaml:5:${said}\n    prompt: Write about {{ title }}.`);
});

test('an option that is not there is called missing, with what it is and the page of all options', async () => {
  expect(await problemsOf(batchFile({ effect: 'use: http' }))).toEqual([
    'batch.yaml:7:5: effects[0].with.url is missing\n    that the request goes to; see docs/destinations/http.md',
  ]);
  expect(await problemsOf(batchFile({ agent: '{ use: command }' }))).toEqual([
    'batch.yaml:5:8: agent.command is missing: name a program such as [node, write.mjs], or a preset\n    program and arguments; with a preset, what stands in for its program; see docs/providers/command.md',
  ]);
});

test('one round tells wrong adapters and options beside all else that is wrong, in the order of the file', async () => {
  const yaml = batchFile({
    jobs: './jobs.csv',
    agent: '{ use: comand, timeout: 1h }',
    effect: 'use: htp',
    more: `  - { name: mail, use: http, target: x, with: { ulr: "{{ link }}" } }
  - { name: Mail, use: folder, target: x }
budjet: { perJob: 1 }`,
  });
  expect((await problemsOf(yaml)).map((problem) => problem.split('\n')[0])).toEqual([
    'batch.yaml:4:7: jobs: jobs.csv: no such file',
    expect.stringMatching(/^batch.yaml:5:15: there is no provider "comand": did you mean "command"\?/),
    expect.stringMatching(/^batch.yaml:9:10: there is no publisher "htp": did you mean "http"\?/),
    'batch.yaml:10:47: effects[1].with.url is missing',
    'batch.yaml:10:49: effects[1].with.ulr is no field that can stand here',
    'batch.yaml:11:13: effects[2].name ("Mail") must be 1 to 64 of a-z, 0-9 and "-", beginning with a letter or digit',
    'batch.yaml:12:1: budjet is no field that can stand here',
  ]);
});

test('what templates and secrets will say is not judged before they are filled in, and never shown after', async () => {
  const effect = 'use: http\n    with: { url: "{{ link }}", timeout: "${env:TIMEOUT}" }';
  expect(await problemsOf(batchFile({ effect, jobs: './none.csv' }), REMOTE)).toEqual([
    'batch.yaml:4:7: jobs: none.csv: no such file',
  ]);
  const secret = 'use: http\n    with: { url: "${env:URL}" }';
  expect(await problemsOf(batchFile({ effect: secret }), { URL: 'hunter2-hunter2' })).toEqual([
    expect.stringMatching(
      /^batch.yaml:10:18: effects\[0\].with.url \("\$\{env:URL\}"\) must be an http or https URL/,
    ),
  ]);
});

test('variables that are not set are told each at its place, all of them', async () => {
  const agent = '{ use: command, command: [sh], env: { TOKEN: "${env:MY_TOKEN}", OTHER: "${env:OTHER}" } }';
  const effect = 'use: http\n    with: { url: https://example.org, headers: { X-Key: "${env:KEY}" } }';
  const hint = '\n    set it where jobs run; an empty one counts as not set';
  expect(await problemsOf(batchFile({ agent, effect }), { OTHER: '' })).toEqual([
    `batch.yaml:5:53: agent.env.TOKEN: the environment variable MY_TOKEN is not set${hint}`,
    `batch.yaml:5:79: agent.env.OTHER: the environment variable OTHER is not set${hint}`,
    `batch.yaml:10:57: effects[0].with.headers.X-Key: the environment variable KEY is not set${hint}`,
  ]);
  expect(await problemsOf(batchFile({ agent, effect }), REMOTE), 'a worker may have them').toEqual([]);
});

test.each([
  ['{ use: antigravity, prompt: Hi }', 'antigravity', 'GEMINI_API_KEY'],
  [
    '{ use: claude, prompt: Hi, with: { agent: agent_1, environment: env_1 } }',
    'claude',
    'ANTHROPIC_API_KEY',
  ],
])('%s: a key that no file names is told as the default of its provider', async (agent, use, variable) => {
  expect(await problemsOf(batchFile({ agent }))).toEqual([
    `batch.yaml:5:15: the environment variable ${variable} is not set; ${use} takes it where the batch file names no other one\n` +
      '    set it where jobs run, or name another one: agent.with.apiKey: "${env:NAME}"',
  ]);
});

test.each([
  ['provider', ['command', 'antigravity', 'claude']],
  [
    'publisher',
    [
      'folder',
      'git',
      'postgres',
      's3',
      'azure-blob',
      'wordpress',
      'ghost',
      'http',
      'smtp',
      'resend',
      'stripe',
    ],
  ],
] as const)('the page that tells the options of a %s is there', (kind, names) => {
  for (const name of names) expect(existsSync(optionsPage(kind, name) ?? ''), name).toBe(true);
  expect(optionsPage(kind, './my.ts')).toBeUndefined();
});
