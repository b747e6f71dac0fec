import type { Command } from 'commander';
import type { PlanFlags } from './plan.js';
import { nonEmpty, verbsBelow } from './program-text.js';
import type { Action } from './program.js';
import type { RunFlags } from './run.js';
import type { WorkerFlags } from './worker.js';

/** The verbs that begin something: a batch, or what carries it. */
export function addRunVerbs(program: Command, use: (action: Action) => void): void {
  const verb = verbsBelow(program);

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
}
