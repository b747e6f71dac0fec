import type { Command } from 'commander';
import type { DecideFlags } from './approvals.js';
import type { ApproveFlags } from './approve.js';
import type { CancelFlags } from './cancel.js';
import type { ConcurrencyFlags } from './concurrency.js';
import type { DiscardFlags } from './discard.js';
import type { HoldFlags } from './hold-flags.js';
import { nonEmpty, positiveCount, verbsBelow } from './program-text.js';
import type { Action } from './program.js';
import type { RetryFlags } from './retry.js';
import type { UnpublishFlags } from './unpublish.js';

/** The verbs by which a person steers what runs, and decides what waits. */
export function addOperateVerbs(program: Command, use: (action: Action) => void): void {
  const verb = verbsBelow(program);

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

  verb(
    'concurrency [name] [count]',
    'change how many jobs of a batch under way run at once; or of each batch of a work, a provider, or of everything',
    ['nightshift concurrency nightly-articles 20 --reason "the blog bears more"', 'one batch'],
    ['nightshift concurrency 5 --work article', 'each batch under way of a kind of work'],
  )
    .usage('[options] NAME COUNT | COUNT --work W | COUNT --provider P | COUNT --all')
    .option('--reason <text>', 'why; kept')
    .option('--work <name>', 'each batch under way of this kind of work', nonEmpty)
    .option('--provider <name>', 'each batch under way whose agent uses this', nonEmpty)
    .option('--all', 'each batch under way')
    .action((name: string | undefined, count: string | undefined, flags: ConcurrencyFlags) =>
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
    'retry [name]',
    'run parked jobs again with a fresh budget, and watch; or those of a work, a provider, or all batches',
    ['nightshift retry nightly-articles', 'all parked jobs'],
    ['nightshift retry nightly-articles --list', 'what that would be, and why each was parked'],
    ['nightshift retry nightly-articles --error timeout --first 5', 'try five of them'],
    ['nightshift retry nightly-articles --all --rate 40/m', 'all, and begin no more than 40 a minute'],
    ['nightshift retry nightly-articles --job KEY', 'one job, also a held one'],
    ['nightshift retry --provider claude --error timeout', 'of all batches whose agent uses it'],
  )
    .option('--job <key...>', 'only these jobs')
    .option('--error <class...>', 'only jobs stopped by an error of these classes')
    .option('--first <number>', 'only so many of them, the first in the order of the batch', positiveCount)
    .option('--work <name>', 'of all batches of this kind of work', nonEmpty)
    .option('--provider <name>', 'of all batches whose agent uses this', nonEmpty)
    .option('--all', 'all parked jobs, as without --job, --error and --first; without a name, of all batches')
    .option(
      '--rate <rate>',
      'begin no more jobs in that time: 10/s, 40/m, 500/h; the batch has to have ended',
      nonEmpty,
    )
    .option('--list', 'show them, and change nothing')
    .option('--detach', 'do not watch')
    .option('--reason <text>', 'why; kept')
    .action((name: string | undefined, flags: RetryFlags) =>
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
    ['nightshift approve --work invoices --all', 'all that waits in batches of this kind of work'],
    ['nightshift approve --effect KEY --landed --url https://blog.example/post', 'you saw it there'],
    ['nightshift approve --effect KEY --not-landed', 'it may be sent again'],
  )
    .option(
      '--effect <key...>',
      'the effect that the answer is about, as listed; the first characters of its key stand for what waits now',
    )
    .option('--job <key...>', 'all that waits of these jobs')
    .option('--work <name>', 'only of batches of this kind of work', nonEmpty)
    .option('--provider <name>', 'only of batches whose agent uses this', nonEmpty)
    .option('--all', 'all that waits; of the batch, the work or the provider, where one is named')
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
    .option('--work <name>', 'only of batches of this kind of work', nonEmpty)
    .option('--provider <name>', 'only of batches whose agent uses this', nonEmpty)
    .option('--all', 'all that waits; of the batch, the work or the provider, where one is named')
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
}

const scoped = (command: Command): Command =>
  command
    .option('--reason <text>', 'why; kept, and shown to whoever looks')
    .option('--work <name>', 'all batches of this kind of work, also those that start later', nonEmpty)
    .option('--provider <name>', 'all batches whose agent uses this, also later ones', nonEmpty)
    .option('--all', 'everything, also what starts later');
