import { Command } from 'commander';
import type { ExitCode } from './exit-codes.js';
import type { ApproveFlags } from './approve.js';
import type { DecideFlags } from './approvals.js';
import type { CostsFlags } from './costs.js';
import type { DiscardFlags } from './discard.js';
import type { HoldFlags } from './hold-flags.js';
import { addAlertVerbs } from './alert-verbs.js';
import { addLedgerVerbs } from './ledger-verbs.js';
import { addScheduleVerbs } from './schedule-verbs.js';
import { examples, nonEmpty, positiveCount, type Example } from './program-text.js';
import type { PlanFlags } from './plan.js';
import type { RunFlags } from './run.js';
import type { ReportFlags } from './report.js';
import type { CancelFlags } from './cancel.js';
import type { RetryFlags } from './retry.js';
import type { GlobalFlags, Shell } from './shell.js';
import type { NightlyFlags } from './nightly.js';
import type { UnpublishFlags } from './unpublish.js';
import type { WorkerFlags } from './worker.js';
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
    .helpCommand('help [verb]', 'print help for a verb')
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

  const verb = (words: string, description: string, ...shown: readonly Example[]): Command =>
    program
      .command(words)
      .description(description)
      .addHelpText('after', examples(...shown));
  const use = (action: Action) => act(action, program.opts<GlobalFlags>());

  verb('demo', 'show a night that is killed half-way and started again', ['nightshift demo'])
    .option('--dir <dir>', 'where its files go', nonEmpty)
    .action((flags: { dir?: string }) =>
      use(async (shell) => (await import('./demo.js')).demo(flags, shell)),
    );

  verb(
    'init [dir]',
    'write a commented batch file, a jobs file and an agent; never overwrites',
    ['nightshift init', 'into the working directory'],
    ['nightshift init my-batch', 'into a folder of its own'],
  ).action((dir: string | undefined, flags: object) =>
    use(async (shell) => (await import('./init.js')).init(dir, flags, shell)),
  );

  verb(
    'plan <file>',
    'show what a run would do, per job and effect; changes nothing',
    ['nightshift plan batch.yaml', 'exit code 0: nothing to do, 2: there is'],
    ['nightshift plan batch.yaml --look', 'ask the destinations too'],
    ['nightshift plan batch.yaml --out tonight.json', 'for "run --plan tonight.json"'],
    ['nightshift plan batch.yaml --json', 'for scripts'],
  )
    .option('--all', 'show every job, however many there are')
    .option('--look', 'ask every destination, as a dry run does; without it the ledger alone tells')
    .option('--out <file>', 'save the plan; "run --plan" then does nothing that it does not show', nonEmpty)
    .option('--without <effects...>', 'leave out of the saved plan: JOB or JOB:EFFECT')
    .action((file: string, flags: PlanFlags) =>
      use(async (shell) => (await import('./plan.js')).plan(file, flags, shell)),
    );

  verb(
    'run <file>',
    'start the batch, or join its run under way, and watch it to its end',
    ['nightshift run batch.yaml', 'may be repeated at any time'],
    ['nightshift run batch.yaml --dry-run', 'rehearse: look everywhere, do nothing'],
    ['nightshift run batch.yaml --dry-run --with-agent', 'and run the agent, for a look at what it makes'],
    ['nightshift run batch.yaml --plan tonight.json', 'do what a saved plan shows'],
    ['nightshift run batch.yaml --json > report.json', 'for scripts'],
  )
    .option('--dry-run', 'ask every destination and print what would be done; start nothing, send nothing')
    .option(
      '--with-agent',
      'with --dry-run: run the sessions too, which costs money, and keep what they make; no effect is performed',
    )
    .option('--plan <file>', 'do nothing that this saved plan does not show', nonEmpty)
    .option('--detach', 'start and leave; a worker must run somewhere')
    // In this order: neither of them is then the default.
    .option('--wait', 'when only approvals are left, wait for them; without it, return (exit code 2)')
    .option('--no-wait', 'when the batch is paused, do not wait for its resume (exit code 75)')
    .action((file: string, flags: RunFlags) =>
      use(async (shell) => (await import('./run.js')).run(file, flags, shell)),
    );

  verb('up', 'run engine, worker and Web UI in the foreground', ['nightshift up']).action((flags: object) =>
    use(async (shell) => (await import('./up.js')).up(flags, shell)),
  );

  verb('worker', 'run a worker against the configured Temporal (TEMPORAL_ADDRESS and the like)', [
    'TEMPORAL_ADDRESS=temporal:7233 nightshift worker',
    'SIGTERM lets it finish what it has in hand',
  ])
    .option('--check', 'run none; exit code 0 when one of this host takes work, else 69')
    .action((flags: WorkerFlags) => use(async (shell) => (await import('./worker.js')).worker(flags, shell)));

  verb('watch [name]', 'follow a batch to its end; the newest unless named', [
    'nightshift watch nightly-articles',
  ]).action((name: string | undefined, flags: object) =>
    use(async (shell) => (await import('./watch.js')).watch(name, flags, shell)),
  );

  verb(
    'status [name]',
    'show how a batch stands; the newest unless named',
    ['nightshift status'],
    ['nightshift status nightly-articles --json', 'for scripts'],
  ).action((name: string | undefined, flags: object) =>
    use(async (shell) => (await import('./status.js')).status(name, flags, shell)),
  );

  verb('list', 'list batches, newest first', ['nightshift list'], ['nightshift list --limit 5'])
    .option('--limit <count>', 'batches to show', positiveCount, 50)
    .action((flags: { limit: number }) =>
      use(async (shell) => (await import('./list.js')).list(flags, shell)),
    );

  verb(
    'lanes',
    'show what workers share of each account: limits, and what is closed until when',
    ['nightshift lanes', 'exit code 75: a service is closed to us'],
    ['nightshift lanes --reset ghost-1f', 'open it now, after the cause is gone'],
  )
    .option('--reset <lane>', 'open this lane; the first characters of its name will do', nonEmpty)
    .action((flags: { reset?: string }) =>
      use(async (shell) => (await import('./lanes.js')).lanes(flags, shell)),
    );

  scoped(
    verb(
      'pause [name]',
      'begin nothing new in a batch, a work, a provider, or anywhere, until resume',
      ['nightshift pause nightly-articles --reason "blog is being moved"', 'one batch'],
      ['nightshift pause --provider claude --level admit', 'jobs under way finish'],
      ['nightshift pause --all --level freeze', 'not even look at sessions under way'],
    ).option(
      '--level <level>',
      'admit: jobs under way finish; finish: steps in hand finish; freeze: sessions are left alone (default: finish, and never less than is on)',
      nonEmpty,
    ),
  ).action((name: string | undefined, flags: HoldFlags) =>
    use(async (shell) => (await import('./pause.js')).pause(name, flags, shell)),
  );

  scoped(
    verb(
      'resume [name]',
      'go on after a pause of that scope',
      ['nightshift resume nightly-articles'],
      ['nightshift resume --all', 'lift the pause of everything'],
    ),
  ).action((name: string | undefined, flags: HoldFlags) =>
    use(async (shell) => (await import('./resume.js')).resume(name, flags, shell)),
  );

  verb('concurrency <name> <count>', 'change how many jobs of a batch under way run at once', [
    'nightshift concurrency nightly-articles 20',
  ]).action((name: string, count: string, flags: object) =>
    use(async (shell) => (await import('./concurrency.js')).concurrency(name, count, flags, shell)),
  );

  verb(
    'cancel [name]',
    'end a batch, or all of a work, a provider, or everything; effects under way finish, what is done stays done',
    ['nightshift cancel nightly-articles --reason "wrong list"', 'one batch'],
    ['nightshift cancel --provider claude', 'all batches under way whose agent uses it'],
  )
    .option('--reason <text>', 'why; kept, and shown to whoever looks')
    .option('--work <name>', 'all batches under way of this kind of work', nonEmpty)
    .option('--provider <name>', 'all batches under way whose agent uses this', nonEmpty)
    .option('--all', 'every batch under way')
    .action((name: string | undefined, flags: CancelFlags) =>
      use(async (shell) => (await import('./cancel.js')).cancel(name, flags, shell)),
    );

  verb(
    'retry <name>',
    'run parked jobs again with a fresh budget, and watch',
    ['nightshift retry nightly-articles', 'all parked jobs'],
    ['nightshift retry nightly-articles --list', 'what that would be, and why each was parked'],
    ['nightshift retry nightly-articles --error timeout --first 5', 'try five of them'],
    ['nightshift retry nightly-articles --all --rate 40/m', 'all, and begin no more than 40 a minute'],
    ['nightshift retry nightly-articles --job KEY', 'one job, also a held one'],
  )
    .option('--job <key...>', 'only these jobs')
    .option('--error <class...>', 'only jobs stopped by an error of these classes')
    .option('--first <number>', 'only so many of them, the first in the order of the batch', positiveCount)
    .option('--all', 'all parked jobs, as without --job, --error and --first')
    .option(
      '--rate <rate>',
      'begin no more jobs in that time: 10/s, 40/m, 500/h; the batch has to have ended',
      nonEmpty,
    )
    .option('--list', 'show them, and change nothing')
    .option('--detach', 'do not watch')
    .option('--reason <text>', 'why; kept')
    .action((name: string, flags: RetryFlags) =>
      use(async (shell) => (await import('./retry.js')).retry(name, flags, shell)),
    );

  verb(
    'discard <name>',
    'decide that stopped jobs will not be done; no start runs them, until retry --job',
    ['nightshift discard nightly-articles --job KEY --reason "the product is gone"'],
    ['nightshift discard nightly-articles --error invalid --reason "not for us"', 'all parked by bad input'],
  )
    .option('--job <key...>', 'these jobs: parked, held or cancelled')
    .option('--error <class...>', 'only jobs stopped by an error of these classes')
    .option('--first <number>', 'only so many of them', positiveCount)
    .option('--reason <text>', 'why; kept, and shown to whoever looks')
    .action((name: string, flags: DiscardFlags) =>
      use(async (shell) => (await import('./discard.js')).discard(name, flags, shell)),
    );

  verb(
    'approve [name]',
    'list what waits for a person; say yes to it, or whether an effect landed',
    ['nightshift approve', 'what waits, and what would happen'],
    ['nightshift approve --effect KEY', 'let it leave'],
    ['nightshift approve --effect KEY --landed --url https://blog.example/post', 'you saw it there'],
    ['nightshift approve --effect KEY --not-landed', 'it may be sent again'],
  )
    .option(
      '--effect <key...>',
      'the effect that the answer is about, as listed; the first characters of its key stand for what waits now',
    )
    .option('--job <key...>', 'all that waits of these jobs')
    .option('--all', 'all that waits; of the batch, where one is named')
    .option('--landed', 'it is there')
    .option('--not-landed', 'it is not there')
    .option('--id <id>', 'its id at the destination', nonEmpty)
    .option('--url <url>', 'where it is', nonEmpty)
    .option('--reason <text>', 'what you saw; kept')
    .action((name: string | undefined, flags: ApproveFlags) =>
      use(async (shell) => (await import('./approve.js')).approve(name, flags, shell)),
    );

  verb('reject [name]', 'do not let effects leave that wait for approval; their jobs are held', [
    'nightshift reject --effect KEY --reason "wrong price"',
  ])
    .option(
      '--effect <key...>',
      'these effects, as listed; the first characters of a key stand for what waits now',
    )
    .option('--job <key...>', 'all that waits of these jobs')
    .option('--all', 'all that waits; of the batch, where one is named')
    .option('--reason <text>', 'why; kept')
    .action((name: string | undefined, flags: DecideFlags) =>
      use(async (shell) => (await import('./approvals.js')).reject(name, flags, shell)),
    );

  verb('unpublish <name>', 'take back what jobs have landed, as the destination can: hide, delete, reverse', [
    'nightshift unpublish nightly-articles --job KEY --reason "wrong price"',
  ])
    .option('--job <key...>', 'jobs whose effects are taken back')
    .option('--effect <name>', 'only the effect of this name', nonEmpty)
    .option('--reason <text>', 'why; kept')
    .action((name: string, flags: UnpublishFlags) =>
      use(async (shell) => (await import('./unpublish.js')).unpublish(name, flags, shell)),
    );

  addAlertVerbs(
    verb('alert', 'what a person has to see to, and who was told', ['nightshift alert list']),
    use,
  );

  addScheduleVerbs(
    verb('schedule', 'nights: when batches start by themselves', ['nightshift schedule apply']),
    use,
  );

  addLedgerVerbs(verb('ledger', 'receipts of what has landed', ['nightshift ledger show']), use);

  verb(
    'costs [name]',
    'show what sessions cost, and what of it was wasted; of all batches unless one is named',
    ['nightshift costs --by reason', 'why money was wasted'],
    ['nightshift costs --by day --since 2026-11-01', 'each night as a bar'],
    ['nightshift costs --by site --csv > costs.csv', 'for a spreadsheet'],
  )
    .option('--by <what>', 'site, work, batch, job, provider, model, day or reason', 'work')
    .option('--since <day>', 'first day, such as 2026-11-23', nonEmpty)
    .option('--until <day>', 'last day', nonEmpty)
    .option('--time-zone <name>', 'whose midnight ends a day (default: that of this machine)', nonEmpty)
    .option('--csv', 'print a table for spreadsheets')
    .action((name: string | undefined, flags: CostsFlags) =>
      use(async (shell) => (await import('./costs.js')).costs(name, flags, shell)),
    );

  verb(
    'trace <job...>',
    'show everything one job did, in order, over all runs: sessions, tries, waits, effects, decisions',
    ['nightshift trace d54377b0', 'the first characters of its key'],
    ['nightshift trace slug=overnight-bread', 'by fields of its identity'],
    ['nightshift trace slug=overnight-bread --html story.html', 'also as a page, to be handed on'],
  )
    .usage('[options] KEY | WORK:KEY | NAME=VALUE...')
    .option('--work <name>', 'only a job of this work', nonEmpty)
    .option('--html <file>', 'also write it as one HTML file', nonEmpty)
    .action((words: string[], flags: { work?: string; html?: string }) =>
      use(async (shell) => (await import('./trace.js')).trace(words, flags, shell)),
    );

  verb(
    'report [name]',
    'show the morning report, and write it as one HTML file; of the newest batch unless named',
    ['nightshift report'],
    ['nightshift report nightly-articles --html report.html', 'to a file of your choice'],
  )
    .option(
      '--html <file>',
      'where the HTML goes (default: the reports folder of the state directory)',
      nonEmpty,
    )
    .option('--time-zone <name>', 'whose clock times are shown by (default: that of this machine)', nonEmpty)
    .action((name: string | undefined, flags: ReportFlags) =>
      use(async (shell) => (await import('./report.js')).report(name, flags, shell)),
    );

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

  return program;
}

type DoctorFlags = { orphans?: true; abandoned?: true; end?: true; nightly?: true } & NightlyFlags;

const scoped = (command: Command): Command =>
  command
    .option('--reason <text>', 'why; kept, and shown to whoever looks')
    .option('--work <name>', 'all batches of this kind of work, also those that start later', nonEmpty)
    .option('--provider <name>', 'all batches whose agent uses this, also later ones', nonEmpty)
    .option('--all', 'everything, also what starts later');
