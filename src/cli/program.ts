import { Command } from 'commander';
import type { ExitCode } from './exit-codes.js';
import { addAlertVerbs } from './alert-verbs.js';
import { addLedgerVerbs } from './ledger-verbs.js';
import { addLookVerbs, addReportVerbs } from './look-verbs.js';
import { addOperateVerbs } from './operate-verbs.js';
import { addRunVerbs } from './run-verbs.js';
import { addScheduleVerbs } from './schedule-verbs.js';
import { examples, nonEmpty, showHelp, verbsBelow } from './program-text.js';
import type { GlobalFlags, Shell } from './shell.js';
import type { CleanFlags } from './clean.js';
import type { NightsFlags } from './doctor-nights.js';
import type { AgentServerFlags } from '../testing/agent-server/flags.js';

/** What a verb is called with once its words are read. */
export type Action = (shell: Shell) => Promise<ExitCode>;

/**
 * The words of the command line. Each verb's module is loaded when the verb is used, so that `--help` costs no more
 * than its text.
 * @param act told which verb was asked for
 */
export function createProgram(version: string, act: (action: Action, flags: GlobalFlags) => void): Command {
  const program = new Command('nightshift')
    .description(
      'Overnight batches of agent jobs that can be started again at any moment:\nonly unfinished work runs, no effect lands twice.',
    )
    .version(version, '--version', 'print the version')
    .option('--state <dir>', 'state directory (default: .nightshift, or NIGHTSHIFT_STATE)', nonEmpty)
    .option('--task-queue <name>', 'task queue (default: nightshift, or NIGHTSHIFT_TASK_QUEUE)', nonEmpty)
    .option(
      '--edition <edition>',
      'of jobs that need one and have none, such as 2026-11-23; with NAME: which night is meant',
      nonEmpty,
    )
    .option('--json', 'print one JSON document to stdout')
    .option('--quiet', 'print results and errors only')
    .option('--verbose', 'print more about errors')
    .option('--no-color', 'print without colours (NO_COLOR does the same)')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false) // its own knows one word only
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'nightshift: ')),
    })
    .showHelpAfterError('run "nightshift help" for the verbs and flags there are')
    .addHelpText(
      'after',
      examples(
        ['nightshift init my-batch', 'write a batch that runs as it is'],
        ['nightshift run my-batch/batch.yaml', 'run it; again after any interruption'],
        ['nightshift status', 'see how it stands'],
      ) +
        '\nExit codes: 0 done, 2 incomplete (plan: changes), 64 usage, 69 engine unavailable,\n' +
        '75 try again later, 78 configuration, 130 interrupted, 1 unexpected.\n',
    );

  const verb = verbsBelow(program);
  const use = (action: Action) => act(action, program.opts<GlobalFlags>());

  addRunVerbs(program, use);
  addLookVerbs(program, use);
  addOperateVerbs(program, use);

  addAlertVerbs(
    verb('alert', 'what a person has to see to, and who was told', ['nightshift alert list']),
    use,
  );

  addScheduleVerbs(
    verb('schedule', 'nights: when batches start by themselves', ['nightshift schedule apply']),
    use,
  );

  addLedgerVerbs(verb('ledger', 'receipts of what has landed', ['nightshift ledger show']), use);

  addReportVerbs(program, use);

  verb(
    'conformance <module>',
    'put a publisher or a provider to the test: crashes, lost answers, races, hostile names',
    ['nightshift conformance ./my-publisher.ts'],
    ['nightshift conformance ./my-provider.ts --check die lost-answer'],
  )
    .option('--check <name...>', 'only these checks')
    .action((file: string, flags: { check?: string[] }) =>
      use(async (shell) => (await import('./conformance.js')).conformance(file, flags, shell)),
    );

  verb(
    'doctor [names...]',
    'check engine, ledger and state directory, and the destinations of a batch; say how to put things right',
    ['nightshift doctor'],
    ['nightshift doctor my-batch/batch.yaml'],
    ['nightshift doctor my-batch/batch.yaml --orphans', 'agent sessions that no job will come back to'],
    ['nightshift doctor --nightly nightly-articles', 'from cron: did the night happen?'],
  )
    .option('--orphans', 'look through the sessions at the agent service of the batch instead')
    .option('--abandoned', 'look through the sessions in the ledger that no job watches any more instead')
    .option('--end', 'end those that no job owns, or book those that no job watches as lost')
    .option('--reason <text>', 'with --end: why; kept')
    .option(
      '--nightly',
      'look whether the nights of these batches (names, or files) happened, and tell if not',
    )
    .option(
      '--within <duration>',
      'with --nightly: a run must have begun within so long (default: 24h)',
      nonEmpty,
    )
    .option(
      '--longest <duration>',
      'with --nightly: and be over after so long (default: as --within)',
      nonEmpty,
    )
    .action((names: string[], flags: DoctorFlags) =>
      use(async (shell) => (await import('./doctor.js')).doctor(names, flags, shell)),
    );

  verb(
    'clean',
    'remove what agent programs of done jobs have left on this host; the ledger and artifacts stay',
    ['nightshift clean --runs-older-than 30d --list', 'what would go'],
    ['nightshift clean --runs-older-than 30d'],
  )
    .requiredOption(
      '--runs-older-than <duration>',
      'of sessions that ended so long ago, such as 30d',
      nonEmpty,
    )
    .option('--list', 'show what would be removed; change nothing')
    .action((flags: CleanFlags) => use(async (shell) => (await import('./clean.js')).clean(flags, shell)));

  verb(
    'agent-server',
    'stand in for the agent services on this machine, with faults on demand; costs nothing',
    ['nightshift agent-server --seed 7 --speed 720', 'an hour takes 5 seconds'],
    [`nightshift agent-server --fault '{"do":"throttle","times":2}'`, 'the first two calls are throttled'],
  )
    .option('--seed <text>', 'same seed, same night; drawn when not given', nonEmpty)
    .option('--port <number>', 'port on 127.0.0.1 (default: a free one)', nonEmpty)
    .option('--file <path>', 'SQLite file that keeps everything (default: in memory)', nonEmpty)
    .option('--speed <factor>', 'service time per real time, or "stepped" (default: 1)', nonEmpty)
    .option('--profile <name>', 'calm, night, storm or one-fault:<fault> (default: calm)', nonEmpty)
    .option('--fault <json...>', 'a fault rule; may be repeated')
    .action((flags: AgentServerFlags) =>
      use(async (shell) => (await import('./agent-server.js')).agentServer(flags, shell)),
    );

  verb(
    'key <pairs...>',
    'print the canonical form and the key of an identity, fields in the order given',
    ['nightshift key site=home category=bread slug=overnight-bread'],
    ['nightshift key slug=overnight-bread edition=2026-11-23 --json', 'for scripts'],
  )
    .usage('[options] NAME=VALUE...')
    .option('--work <name>', 'kind of work; shows the Workflow ID too')
    .action((pairs: string[], flags: { work?: string }) =>
      use(async (shell) => (await import('./key.js')).key(pairs, flags, shell)),
    );

  verb(
    'completion <shell>',
    'print the script by which bash, zsh or fish completes verbs, flags, batches and jobs at a Tab',
    ['eval "$(nightshift completion bash)"', 'in ~/.bashrc'],
    ['source <(nightshift completion zsh)', 'in ~/.zshrc, after compinit'],
    ['nightshift completion fish > ~/.config/fish/completions/nightshift.fish', 'once'],
  ).action((shellName: string) =>
    use(async (shell) => (await import('./completion.js')).completion(shellName, shell)),
  );

  program
    .command('help [verbs...]')
    .description('print help for a verb')
    .action((words: string[]) => showHelp(program, words));

  // What those scripts call. No verb for people, so it is in no help.
  program
    .command('complete <line> [replaced]', { hidden: true })
    .action((text: string, replaced: string | undefined) =>
      use(async (shell) => (await import('./complete.js')).complete({ text, replaced }, program, shell)),
    );

  return program;
}

type DoctorFlags = { orphans?: true; abandoned?: true; end?: true; nightly?: true } & NightsFlags;
