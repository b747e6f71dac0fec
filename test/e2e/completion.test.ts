// Tab, in the shells themselves: what is typed on a terminal, and what the program is then started with.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { SHELLS, type ShellName } from '../../src/cli/completion/scripts.js';
import { jobKey } from '../../src/identity/keys.js';
import { openLedger } from '../../src/ledger/open.js';
import { tempDir } from '../support/batch.js';
import { CLI, startNode, until } from '../support/cli.js';
import { hasShell, Terminal } from '../support/terminal.js';

const project = tempDir('nightshift-completion-');
const bin = join(project, 'bin');
const started = join(project, 'started');
const FILE = `a file's $(touch pwned).yaml`;
const JOB = { slug: 'bread $(touch pwned)', edition: '2026-11-23' };
const KEY = jobKey(JOB);
const ID = `batch:nightly:${KEY}`;

beforeAll(async () => {
  mkdirSync(bin);
  mkdirSync(join(project, 'elsewhere'));
  writeFileSync(join(project, FILE), '');
  // Completes with the program; of everything else it notes the words that the shell has made of a line.
  writeFileSync(
    join(bin, 'nightshift'),
    `#!/bin/sh
case $1 in complete|completion) exec '${process.execPath}' '${CLI}' "$@" ;; esac
printf '%s\\n' "$@" '' >> '${started}'
`,
  );
  chmodSync(join(bin, 'nightshift'), 0o755);

  const ledger = await openLedger({ path: join(project, '.nightshift', 'ledger.db') });
  const batch = { work: 'article', runId: 'run', manifest: '{}', jobs: 1, currency: 'EUR', by: 'test' };
  await ledger.openBatch({ ...batch, id: ID, name: 'nightly', key: KEY });
  await ledger.setMembers(ID, [{ work: 'article', jobKey: KEY, identity: JOB, verdict: 'new' }]);
  const job = { work: 'article', jobKey: KEY };
  const by = { batchId: ID, workflowId: 'w', runId: 'run', attempt: 1, worker: 'test' };
  const fingerprint = 'f'.repeat(64);
  await ledger.claimJob({
    ...job,
    identity: JOB,
    fingerprint,
    revision: 1,
    effectKeys: ['0'.repeat(32)],
    by,
  });
  await ledger.settleJob(job, { state: 'parked', errorClass: 'rejected', message: 'too short' }, by);
  const identity = { slug: 'odd', edition: '$(touch pwned)' };
  const odd = jobKey(identity);
  await ledger.openBatch({ ...batch, id: `batch:odd:${odd}`, name: 'odd', key: odd, runId: 'odd' });
  await ledger.setMembers(`batch:odd:${odd}`, [{ work: 'article', jobKey: odd, identity, verdict: 'new' }]);
  await ledger.close();
});

/** How each is started without the settings of whoever runs the tests. */
const STARTED: Readonly<Record<ShellName, (home: string) => string>> = {
  bash: (home) => {
    writeFileSync(
      join(home, 'rc'),
      `PS1='READY> '\nbind 'set bell-style none'\neval "$(nightshift completion bash)"\n`,
    );
    return `bash --noprofile --rcfile '${home}/rc' -i`;
  },
  zsh: (home) => {
    writeFileSync(
      join(home, '.zshrc'),
      `PS1='READY> '\nautoload -Uz compinit && compinit -u\nsource <(nightshift completion zsh)\n`,
    );
    return 'zsh -d -i';
  },
  fish: (home) => {
    mkdirSync(join(home, 'fish', 'completions'), { recursive: true });
    writeFileSync(
      join(home, 'fish', 'config.fish'),
      `set -g fish_greeting ''\nfunction fish_prompt; echo -n 'READY> '; end\nnightshift completion fish > '${home}/fish/completions/nightshift.fish'\n`,
    );
    return 'fish -i';
  },
};

async function aTerminal(shell: ShellName, cwd = project): Promise<Terminal> {
  const home = tempDir();
  const env = {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    HOME: home,
    ZDOTDIR: home,
    XDG_CONFIG_HOME: home,
    TERM: 'xterm',
    LANG: 'C.UTF-8',
  };
  const terminal = new Terminal(STARTED[shell](home), { cwd, env });
  onTestFinished(() => terminal.type('\u0003\u0004'));
  await terminal.shows('READY> ');
  return terminal;
}

const startedWith = (): string => (existsSync(started) ? readFileSync(started, 'utf8') : '');

/** Types a line with its Tabs, and gives the words that the program was started with. */
async function enter(terminal: Terminal, keys: string): Promise<readonly string[]> {
  const before = startedWith().length;
  terminal.type(`${keys}\r`);
  await until(
    `start by ${JSON.stringify(keys)}`,
    () => startedWith().slice(before).endsWith('\n\n'),
    30_000,
  ).catch((error: unknown) => {
    throw new Error(`nothing was started:\n${JSON.stringify(terminal.screen)}`, { cause: error });
  });
  return startedWith().slice(before).split('\n').slice(0, -2);
}

describe.each(SHELLS.filter(hasShell))('%s', (shell) => {
  test('a Tab brings what is meant, as it is', async () => {
    const terminal = await aTerminal(shell);
    const cases: readonly (readonly [keys: string, words: readonly string[]])[] = [
      ['nightshift stat\t nig\t', ['status', 'nightly']],
      ['nightshift ledger aud\t nig\t --li\t 3', ['ledger', 'audit', 'nightly', '--limit', '3']],
      ['nightshift retry nightly --job \t', ['retry', 'nightly', '--job', KEY]],
      ['nightshift retry nightly --job=\t', ['retry', 'nightly', `--job=${KEY}`]],
      [`nightshift retry nightly --job=${KEY.slice(0, 3)}\t`, ['retry', 'nightly', `--job=${KEY}`]],
      [
        'nightshift pause nightly --reason "it is: $HOME" --lev\t fr\t',
        [
          ...['pause', 'nightly', '--reason'],
          expect.stringMatching(/^it is: \//) as string,
          ...['--level', 'freeze'],
        ],
      ],
      ['nightshift status batch:nig\t', ['status', ID]],
      [
        'nightshift agent-server --profile one-fault:thr\t',
        ['agent-server', '--profile', 'one-fault:throttle'],
      ],
      [`nightshift status 'nig\t`, ['status', 'nightly']],
      ['nightshift status "nig\t', ['status', 'nightly']],
      ['nightshift run a\t', ['run', FILE]],
      ['nightshift run x --plan=a\t', ['run', 'x', `--plan=${FILE}`]],
      [
        'nightshift status --state els\t',
        ['status', '--state', expect.stringMatching(/^elsewhere\/?$/) as string],
      ],
      ['nightshift status --state elsewhere nig\t', ['status', '--state', 'elsewhere', 'nig']],
    ];
    for (const [keys, words] of cases) expect(await enter(terminal, keys), keys).toEqual(words);
  });

  test('nothing of the line or the ledger is executed or mis-quoted', async () => {
    const terminal = await aTerminal(shell);
    expect(await enter(terminal, 'nightshift status odd --edition \t')).toEqual([
      'status',
      'odd',
      '--edition',
    ]);
    expect(await enter(terminal, 'nightshift status --edition \t')).toEqual([
      'status',
      '--edition',
      '2026-11-23',
    ]);
    terminal.type('true || nightshift ledger show "$(touch pwned)" $(touch pwned) --job \t\r');
    expect(await enter(terminal, 'nightshift trace zz\t')).toEqual(['trace', 'zz']);
    expect(existsSync(join(project, 'pwned'))).toBe(false);
  });

  test('nothing is offered or printed where no project is', async () => {
    const terminal = await aTerminal(shell, tempDir());
    expect(await enter(terminal, 'nightshift status \t')).toEqual(['status']);
    expect(await enter(terminal, 'nightshift retry x --job \t')).toEqual(['retry', 'x', '--job']);
    expect(terminal.screen).not.toMatch(/rror|nightshift:/);
  });
});

test('an answer loads neither the engine nor its client, and takes a fraction of a second', async () => {
  const probe = join(project, 'probe.cjs');
  writeFileSync(
    probe,
    `process.on('exit', () => {
      const { user, system } = process.cpuUsage();
      const engine = Object.keys(require.cache).filter((path) => path.includes('@temporalio'));
      process.stderr.write(JSON.stringify({ ms: (user + system) / 1000, engine }));
    });`,
  );
  const words = ['--require', probe, CLI, 'complete', '--', 'nightshift status '];
  const { code, stdout, stderr } = await startNode(words, { cwd: project }).exit;
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: 'words\nodd\trunning, 1 job\nnightly\trunning, 1 job\n',
  });
  const { ms, engine } = JSON.parse(stderr) as { ms: number; engine: string[] };
  expect(engine).toEqual([]);
  expect(ms).toBeLessThan(1500); // of a processor: 350 on an idle machine
});
