// What a Tab offers: what is asked for where a line ends, and what is known of it. The shells themselves are in test/e2e.
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { complete } from '../../src/cli/complete.js';
import { completion } from '../../src/cli/completion.js';
import { answerTo } from '../../src/cli/completion/answer.js';
import { takesValue } from '../../src/cli/completion/asked.js';
import { typedWords } from '../../src/cli/completion/command-line.js';
import { SHELLS } from '../../src/cli/completion/scripts.js';
import { VALUES } from '../../src/cli/completion/values.js';
import { createProgram } from '../../src/cli/program.js';
import { ERROR_CLASSES } from '../../src/contract/errors.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import {
  aLedger,
  claimed,
  by,
  keyOf,
  landed,
  member,
  openBatch,
  PARKED,
  jobOf,
  rawConnection,
  temporaryFolder,
} from './ledger-fixture.js';
import { NIGHTLY } from './schedule-fixture.js';
import { aShell } from './shell-fixture.js';

const program = createProgram('0', () => undefined);

const offered = async (line: string): Promise<readonly string[]> =>
  (await answerTo(program, line)).words.map(({ word }) => word);

/** What `nightshift complete` prints. */
async function printed(text: string, replaced?: string): Promise<readonly string[]> {
  const { shell, out } = aShell({ color: false });
  expect(await complete({ text, replaced }, program, shell)).toBe(0);
  return out().split('\n').slice(0, -1);
}

describe('the line', () => {
  test.each([
    ['nightshift ', ['']],
    ['nightshift run', ['run']],
    ['  nightshift   run  batch.yaml ', ['run', 'batch.yaml', '']],
    [`nightshift pause x --reason 'two words' --l`, ['pause', 'x', '--reason', 'two words', '--l']],
    [`nightshift pause x --reason "it's \\"so\\"" `, ['pause', 'x', '--reason', `it's "so"`, '']],
    [`nightshift status 'nigh`, ['status', 'nigh']],
    [`nightshift status "nigh`, ['status', 'nigh']],
    ['nightshift run my\\ batch.yaml', ['run', 'my batch.yaml']],
    ['nightshift run a\\', ['run', 'a']],
    [`nightshift run ''`, ['run', '']],
    [`nightshift run a'b'"c"d`, ['run', 'abcd']],
    ['NIGHTSHIFT_STATE=/x B=2 nightshift status n', ['status', 'n']],
    ['nightshift status "$(touch x)" $(touch y)', ['status', '$(touch x)', '$(touch', 'y)']],
    ['nightshift', []],
    ['', []],
  ])('%j is read as %j', (line, words) => {
    expect(typedWords(line)).toEqual(words);
  });
});

describe('what is asked for', () => {
  test('verbs, and those below one; not what only scripts call', async () => {
    const verbs = await offered('nightshift ');
    expect(verbs).toEqual(expect.arrayContaining(['run', 'retry', 'ledger', 'completion', 'help']));
    expect(verbs).not.toContain('complete');
    expect(await offered('nightshift re')).toEqual(['resume', 'retry', 'reject', 'report']);
    expect(await offered('nightshift ledger re')).toEqual(['restore', 'rebuild']);
    expect(await offered('nightshift help led')).toEqual(['ledger']);
    expect(await offered('nightshift help ledger ver')).toEqual(['verify']);
    expect(await offered('nightshift help nonsense ')).toEqual([]);
    expect(await offered('nightshift --state /x --json led')).toEqual(['ledger']);
  });

  test('long flags of the verb and of all verbs; each once, but for those that may be repeated', async () => {
    expect(await offered('nightshift retry x --j')).toEqual(['--job', '--json']);
    expect(await offered(`nightshift retry x --job ${keyOf('one')} --j`)).toEqual(['--job', '--json']);
    expect(await offered('nightshift retry x --json --j')).toEqual(['--job']);
    expect(await offered('nightshift run x --')).toEqual(
      expect.arrayContaining(['--wait', '--no-wait', '--plan', '--state', '--help']),
    );
    expect(await offered('nightshift run x -- --')).toEqual([]);
  });

  test('values that are known', async () => {
    expect(await offered('nightshift retry x --error ')).toEqual(ERROR_CLASSES);
    expect(await offered('nightshift retry x --error timeout t')).toEqual([
      'transient',
      'throttled',
      'timeout',
    ]);
    expect(await offered('nightshift retry x --error=t')).toContain('--error=timeout');
    expect(await offered('nightshift pause --level f')).toEqual(['finish', 'freeze']);
    expect(await offered('nightshift costs --by d')).toEqual(['day']);
    expect(await offered('nightshift pause --provider c')).toEqual(['command', 'claude']);
    expect(await offered('nightshift report --time-zone Europe/Ber')).toEqual(['Europe/Berlin']);
    expect(await offered('nightshift agent-server --profile one-fault:th')).toEqual(['one-fault:throttle']);
    expect(await offered('nightshift conformance ./x.ts --check lost')).toContain('lost-answer');
    expect(await offered('nightshift completion ')).toEqual(SHELLS);
  });

  test.each([
    ['nightshift run ', 'files'],
    ['nightshift run batch.yaml --plan=to', 'files'],
    ['nightshift ledger drill backup.db one.yaml ', 'files'],
    ['nightshift ledger verify --key ', 'files'],
    ['nightshift doctor ', 'files'],
    ['nightshift doctor --nightly ', 'files'],
    ['nightshift status --state ', 'directories'],
    ['nightshift init ', 'directories'],
    ['nightshift run batch.yaml ', 'words'],
    ['nightshift pause x --reason ', 'words'],
    ['nightshift frobnicate ', 'words'],
    ['nightshift retry x --json=', 'words'],
    ['nightshift', 'words'],
    ['', 'words'],
  ])('%j asks for %s', async (line, beside) => {
    expect((await answerTo(program, line)).beside).toBe(beside);
    if (beside !== 'words') expect(await offered(line)).toEqual([]);
  });

  test('each flag with a value, and each argument, says what its values are, and nothing else does', () => {
    const used = new Set<string>();
    const missing: string[] = [];
    const see = (command: Command, path: readonly string[]): void => {
      const beside = command.options.filter((flag) => !takesValue(flag)).map((flag) => `${flag.long} `);
      const names = [
        ...command.options.filter(takesValue).map(({ long }) => long ?? ''),
        ...command.registeredArguments.map((argument) => argument.name()),
      ];
      for (const name of names) {
        const verbs = path.map((_, at) => `${path.slice(0, at + 1).join(' ')} `);
        const found = ['', ...verbs]
          .flatMap((above) => [name, ...beside.map((flag) => `${flag}${name}`)].map((end) => above + end))
          .filter((key) => VALUES[key] !== undefined);
        for (const key of found) used.add(key);
        if (found.length === 0) missing.push([...path, name].join(' '));
      }
      for (const below of command.createHelp().visibleCommands(command))
        if (below.name() !== 'help') see(below, [...path, below.name()]);
    };
    see(program, []);
    expect(missing).toEqual([]);
    expect(Object.keys(VALUES).filter((key) => !used.has(key))).toEqual([]);
  });
});

/** A project with a ledger, which the process looks at while the test runs. */
async function aProject(): Promise<{ readonly ledger: Ledger; readonly state: string }> {
  const state = temporaryFolder();
  const ledger = await openLedger({ path: join(state, 'ledger.db') });
  onTestFinished(() => ledger.close());
  environment({ NIGHTSHIFT_STATE: state });
  return { ledger, state };
}

function environment(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
}

const idOf = (name: string, key: string): string => `batch:${name}:${keyOf(key)}`;

describe('what the ledger knows', () => {
  test('batches by name, each once; by ID where one is begun; of an edition', async () => {
    const { ledger } = await aProject();
    await openBatch(ledger, ['one'], { id: idOf('nightly', 'a'), name: 'nightly' });
    await openBatch(ledger, ['two', 'three'], { id: idOf('nightly', 'b'), name: 'nightly', runId: 'run-2' });
    await openBatch(ledger, ['four'], { id: idOf('weekly', 'c'), name: 'weekly', runId: 'run-3' });
    for (const verb of ['status', 'retry', 'ledger show', 'costs', 'doctor --nightly'])
      expect(await offered(`nightshift ${verb} `)).toEqual(['weekly', 'nightly']);
    expect(await offered('nightshift status n')).toEqual(['nightly']);
    expect(await offered('nightshift status batch:n')).toEqual([idOf('nightly', 'b'), idOf('nightly', 'a')]);
    const { words } = await answerTo(program, 'nightshift status n');
    expect(words[0]?.about).toBe('running, 2 jobs');
    expect(await offered('nightshift pause --work a')).toEqual(['article']);
  });

  test('keys of the jobs of a batch: those that the verb is for', async () => {
    const { ledger } = await aProject();
    await openBatch(ledger, ['new', 'parked', 'done']);
    await claimed(ledger, 'parked');
    await ledger.settleJob(jobOf('parked'), PARKED, by());
    await claimed(ledger, 'done');
    await landed(ledger, 'done');
    const line = (verb: string) => `nightshift ${verb} nightly --job `;
    expect(await offered(line('retry'))).toEqual([keyOf('parked')]);
    expect(await offered(line('discard'))).toEqual([keyOf('parked')]);
    expect(await offered(line('unpublish'))).toEqual([keyOf('done')]);
    expect(await offered(line('approve'))).toEqual([]);
    expect(await offered(line('ledger show'))).toEqual(['new', 'parked', 'done'].map(keyOf));
    const [key = ''] = await offered(`nightshift retry nightly --job=${keyOf('parked').slice(0, 3)}`);
    expect(key).toBe(`--job=${keyOf('parked')}`);
    expect(await offered(`nightshift retry nightly --job ${keyOf('parked')} ${keyOf('new')[0]}`)).toEqual(
      keyOf('parked')[0] === keyOf('new')[0] ? [keyOf('parked')] : [],
    );
    const { words } = await answerTo(program, line('retry'));
    expect(words[0]?.about).toBe('blog / a / parked, parked');
  });

  test('without a batch: keys of the newest one, and from four characters on of all', async () => {
    const { ledger } = await aProject();
    await openBatch(ledger, ['old'], { id: idOf('nightly', 'a') });
    await openBatch(ledger, ['new'], { id: idOf('nightly', 'b'), runId: 'run-2' });
    for (const words of ['trace', 'ledger show --job', 'ledger audit --job', 'plan x.yaml --without'])
      expect(await offered(`nightshift ${words} `)).toEqual([keyOf('new')]);
    expect(await offered(`nightshift trace ${keyOf('old').slice(0, 4)}`)).toEqual([keyOf('old')]);
    expect(await offered('nightshift trace %%%%')).toEqual([]);
    expect(await offered('nightshift trace slug=')).toEqual([]);
  });

  test('schedules, lanes, editions, and another state directory', async () => {
    const { ledger, state } = await aProject();
    await ledger.keepSchedule({
      definition: { ...NIGHTLY, name: 'at-night' },
      batchName: 'nightly',
      channels: '',
      paused: true,
    });
    await ledger.changeLane({ id: 'ghost-1f2e', label: 'ghost of the blog' }, (lane) => ({
      state: { ...lane, throttles: 1 },
      result: undefined,
    }));
    await withEditions(ledger, ['2026-11-23', '2026-11-24']);
    expect(await offered('nightshift schedule trigger ')).toEqual(['at-night']);
    expect(await offered('nightshift lanes --reset g')).toEqual(['ghost-1f2e']);
    expect(await offered('nightshift status nightly --edition ')).toEqual(['2026-11-24', '2026-11-23']);
    environment({ NIGHTSHIFT_STATE: temporaryFolder() });
    expect(await offered('nightshift schedule trigger ')).toEqual([]);
    expect(await offered(`nightshift --state ${state} schedule trigger `)).toEqual(['at-night']);
    expect(await offered(`nightshift schedule trigger --state '${state}' `)).toEqual(['at-night']);
  });

  test('of a batch with ten thousand jobs, no more than a thousand keys', async () => {
    const { ledger } = await aProject();
    await openBatch(
      ledger,
      Array.from({ length: 10_000 }, (_, at) => `job-${at}`),
    );
    expect(await offered('nightshift ledger show nightly --job ')).toHaveLength(1000);
  });
});

async function withEditions(ledger: Ledger, editions: readonly string[]): Promise<void> {
  for (const [at, edition] of editions.entries()) {
    const id = idOf('nightly', String(at));
    await openBatch(ledger, [], { id, runId: `run-${at}` });
    await ledger.setMembers(id, [
      member(String(at), { identity: { slug: `one\u001b[31m\n${edition}`, edition } }),
    ]);
  }
}

describe('whatever is in the ledger', () => {
  test('only words that no shell has to quote are offered', async () => {
    const { ledger } = await aProject();
    const hostile = [
      '$(touch x)',
      '`id`',
      `it's`,
      'a b',
      'a\nb',
      'a\u001b[2J',
      '-x',
      '~root',
      '=ls',
      '*',
      'é;id',
    ];
    await withEditions(ledger, ['2026-11-23', ...hostile]);
    expect(await offered('nightshift status --edition ')).toEqual(['2026-11-23']);
    for (const edition of hostile)
      expect(await offered(`nightshift status --edition ${edition[0]}`)).toEqual([]);
  });

  test('what it stands for is one harmless line', async () => {
    const { ledger } = await aProject();
    await withEditions(ledger, ['2026-11-23']);
    expect(await printed('nightshift trace ')).toEqual([
      'words',
      `${keyOf('0')}\tone 2026-11-23 / 2026-11-23, waiting`,
    ]);
  });

  test('bash is given the part that it replaces', async () => {
    await aProject();
    const line = 'nightshift agent-server --profile one-fault:thr';
    expect(await printed(line, 'thr')).toEqual(['words', 'throttle']);
    expect(await printed(line, 'one-fault:thr')).toEqual(['words', 'one-fault:throttle']);
    expect(await printed('nightshift retry x --error=tim', 'tim')).toEqual(['words', 'timeout']);
    expect(await printed('nightshift retry x --error ', '')).toEqual(['words', ...ERROR_CLASSES]);
    expect(await printed('nightshift status x', 'y')).toEqual(['words']);
    expect(await printed('nightshift run ', '')).toEqual(['files']);
  });
});

describe('whatever is wrong', () => {
  const seen = (folder: string) =>
    readdirSync(folder, { recursive: true })
      .map(String)
      .sort()
      .map((name) => {
        const path = join(folder, name);
        return [name, statSync(path).isFile() ? readFileSync(path).toString('hex') : ''];
      });

  test('nothing is offered, said or made where no project is', async () => {
    const folder = temporaryFolder();
    environment({ NIGHTSHIFT_STATE: join(folder, '.nightshift') });
    for (const line of ['status ', 'retry x --job ', 'trace abcdef', 'lanes --reset '])
      expect(await printed(`nightshift ${line}`)).toEqual(['words']);
    expect(seen(folder)).toEqual([]);
  });

  test('a ledger that is used by others is not changed', async () => {
    const { ledger, state } = await aProject();
    await openBatch(ledger, ['one']);
    await ledger.close();
    const before = seen(state);
    expect(await printed('nightshift status ')).toEqual(['words', 'nightly\trunning, 1 job']);
    expect(await printed('nightshift ledger show nightly --job ')).toHaveLength(2);
    expect(seen(state)).toEqual(before);
  });

  test.each(['not a database', ''])('nor where the ledger is damaged (%j)', async (content) => {
    const state = temporaryFolder();
    writeFileSync(join(state, 'ledger.db'), content);
    environment({ NIGHTSHIFT_STATE: state });
    expect(await printed('nightshift status ')).toEqual(['words']);
    expect(seen(state)).toEqual([['ledger.db', Buffer.from(content).toString('hex')]]);
  });

  test('nor where a directory stands in its place, or the settings are wrong', async () => {
    const state = temporaryFolder();
    mkdirSync(join(state, 'ledger.db'));
    environment({ NIGHTSHIFT_STATE: state });
    expect(await printed('nightshift status ')).toEqual(['words']);
    environment({ NIGHTSHIFT_STATE: '' });
    expect(await printed('nightshift status ')).toEqual(['words']);
  });

  test('nor where somebody holds the ledger', async () => {
    const { path, ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    await ledger.close();
    const holder = rawConnection(path);
    holder.pragma('journal_mode = DELETE');
    holder.exec('begin exclusive');
    environment({ NIGHTSHIFT_STATE: join(path, '..') });
    expect(await printed('nightshift status ')).toEqual(['words']);
  });

  test('nor is a database waited for that does not answer', async () => {
    const sockets = new Set<Socket>();
    const mute = createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      mute.close();
    });
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    environment({ NIGHTSHIFT_LEDGER: `postgres://me@127.0.0.1:${port}/ledger` });
    const began = performance.now();
    expect(await printed('nightshift status ')).toEqual(['words']);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(sockets.size).toBeGreaterThan(0);
  });
});

describe('the scripts', () => {
  test.each(SHELLS)('%s: nothing is evaluated', async (name) => {
    const { shell, out } = aShell({ color: false });
    expect(await completion(name, shell)).toBe(0);
    const code = out().replace(/^#.*$/gm, '');
    expect(code).toContain('nightshift complete --');
    expect(code).not.toMatch(/\beval\b|compgen|\bsource\b/);
  });

  test('as JSON, and for another shell what there is', async () => {
    const { shell, out } = aShell({ color: false, json: true });
    await completion('fish', shell);
    expect(JSON.parse(out())).toEqual({
      shell: 'fish',
      script: expect.stringContaining('nightshift') as string,
    });
    await expect(completion('tcsh', shell)).rejects.toThrow(
      'there is no completion for "tcsh"; there is for: bash, zsh, fish',
    );
  });
});
