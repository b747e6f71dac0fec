import type { Command } from 'commander';
import type { CostsFlags } from './costs.js';
import { nonEmpty, positiveCount, verbsBelow } from './program-text.js';
import type { LanesFlags } from './lanes.js';
import type { Action } from './program.js';
import type { ReportFlags } from './report.js';

/** The verbs that show how things stand. */
export function addLookVerbs(program: Command, use: (action: Action) => void): void {
  const verb = verbsBelow(program);

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
    ['nightshift lanes --reset ghost-1f --reason "credit bought"', 'open it now, after the cause is gone'],
  )
    .option('--reset <lane>', 'open this lane; the first characters of its name will do', nonEmpty)
    .option('--reason <text>', 'why; kept')
    .action((flags: LanesFlags) => use(async (shell) => (await import('./lanes.js')).lanes(flags, shell)));
}

/** The verbs that show what was done, and what it cost. */
export function addReportVerbs(program: Command, use: (action: Action) => void): void {
  const verb = verbsBelow(program);

  verb(
    'costs [name]',
    'show what sessions cost, and what of it was wasted; of all batches unless one is named',
    ['nightshift costs --by reason', 'why money was wasted'],
    ['nightshift costs --by day --since 2026-11-01', 'each night as a bar'],
    ['nightshift costs --by site --csv > costs.csv', 'for a spreadsheet'],
    ['nightshift costs --sessions --csv --since 2026-11-01', 'each session, to be held against a bill'],
  )
    .option('--by <what>', 'site, work, batch, job, provider, model, day or reason', 'work')
    .option('--since <day>', 'first day, such as 2026-11-23', nonEmpty)
    .option('--until <day>', 'last day', nonEmpty)
    .option('--time-zone <name>', 'whose midnight ends a day (default: that of this machine)', nonEmpty)
    .option('--sessions', 'list each session: its id at the service, job, times, tokens, cost')
    .option('--csv', 'print a table for spreadsheets')
    .action((name: string | undefined, flags: CostsFlags) =>
      use(async (shell) => (await import('./costs.js')).costs(name, flags, shell)),
    );

  verb(
    'trace <job...>',
    'show everything one job did, in order, over all runs: sessions, tries, waits, effects, decisions',
    ['nightshift trace d54377b0', 'the first characters of its key'],
    ['nightshift trace slug=overnight-bread', 'by fields of its identity'],
    ['nightshift trace https://blog.example/overnight-bread', 'by what it has landed'],
    ['nightshift trace slug=overnight-bread --html story.html', 'also as a page, to be handed on'],
  )
    .usage('[options] KEY | WORK:KEY | NAME=VALUE... | TITLE | URL | ID')
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
    .option(
      '--time-zone <name>',
      'whose clock times are shown by (default: that of its schedule, or of this machine)',
      nonEmpty,
    )
    .action((name: string | undefined, flags: ReportFlags) =>
      use(async (shell) => (await import('./report.js')).report(name, flags, shell)),
    );
}
