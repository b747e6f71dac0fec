import type { Command } from 'commander';
import type { BackfillOptions, TriggerOptions } from '../client/schedules/nights.js';
import { nonEmpty, positiveCount, verbsBelow } from './program-text.js';
import type { Action } from './program.js';
import type { SchedulePreviewFlags } from './schedule-preview.js';

/** The verbs below `nightshift schedule`. */
export function addScheduleVerbs(schedule: Command, use: (action: Action) => void): void {
  const verb = verbsBelow(schedule);

  verb(
    'apply [file]',
    'make the schedules of the engine as a file says (schedules.yaml); shows what differs',
    ['nightshift schedule apply --dry-run', 'exit code 2: something would change'],
    ['nightshift schedule apply nights/schedules.yaml --delete'],
  )
    .option('--delete', 'also delete schedules that the file declared before and no longer does')
    .option('--dry-run', 'only show what would change')
    .option('--reason <text>', 'why; kept')
    .action((file: string | undefined, flags: { delete?: true; dryRun?: true; reason?: string }) =>
      use(async (shell) => (await import('./schedule-apply.js')).scheduleApply(file, flags, shell)),
    );

  verb('list', 'list schedules: next and last night, and what did not run', [
    'nightshift schedule list',
  ]).action(() => use(async (shell) => (await import('./schedule-list.js')).scheduleList(shell)));

  verb('status <name>', 'show the nights of a schedule: what came of each, and why', [
    'nightshift schedule status nightly-articles',
  ]).action((name: string) =>
    use(async (shell) => (await import('./schedule-list.js')).scheduleStatus(name, shell)),
  );

  verb(
    'preview [file]',
    'show the times to come, and which fall together: of what is applied, with a file as if it were',
    ['nightshift schedule preview schedules.yaml --days 14'],
    ['nightshift schedule preview --html nights.html', 'as a page with a plot'],
  )
    .option('--days <count>', 'how far to look ahead', positiveCount, 7)
    .option('--time-zone <name>', 'whose clock the plot shows (default: that of this machine)', nonEmpty)
    .option('--html <file>', 'write a page with a plot', nonEmpty)
    .action((file: string | undefined, flags: SchedulePreviewFlags) =>
      use(async (shell) => (await import('./schedule-preview.js')).schedulePreview(file, flags, shell)),
    );

  verb(
    'trigger <name>',
    'run the night that was due last: joins it when it runs, does nothing when it is done',
    ['nightshift schedule trigger nightly-articles'],
    ['nightshift schedule trigger nightly-articles --next', 'the night to come, now'],
  )
    .option('--next', 'the next night instead')
    .option('--detach', 'do not wait for the answer')
    .option('--reason <text>', 'why; kept')
    .action((name: string, flags: TriggerOptions) =>
      use(async (shell) => (await import('./schedule-nights.js')).scheduleTrigger(name, flags, shell)),
    );

  verb(
    'backfill <name>',
    'run the nights of a span, one after another; those that are done stay as they are',
    ['nightshift schedule backfill nightly-articles --from 2026-11-20 --to 2026-11-23'],
  )
    .requiredOption('--from <date>', 'first local date, or date and time such as 2026-11-20T02:30', nonEmpty)
    .requiredOption('--to <date>', 'last one, included', nonEmpty)
    .option('--detach', 'do not wait for the answer')
    .option('--reason <text>', 'why; kept')
    .action((name: string, flags: BackfillOptions) =>
      use(async (shell) => (await import('./schedule-nights.js')).scheduleBackfill(name, flags, shell)),
    );

  verb('pause <name>', 'start no night by itself until "resume"', [
    'nightshift schedule pause nightly-articles --reason "blog is being moved"',
  ])
    .option('--reason <text>', 'why; kept, and shown to whoever looks')
    .action((name: string, flags: { reason?: string }) =>
      use(async (shell) => (await import('./schedule-pause.js')).schedulePause(name, flags, shell)),
    );

  verb('resume <name>', 'go on after a pause; nights that it took are not made up for', [
    'nightshift schedule resume nightly-articles',
  ])
    .option('--reason <text>', 'why; kept')
    .action((name: string, flags: { reason?: string }) =>
      use(async (shell) => (await import('./schedule-pause.js')).scheduleResume(name, flags, shell)),
    );

  verb('delete <name>', 'delete a schedule; its batches and what they did stay', [
    'nightshift schedule delete nightly-articles',
  ])
    .option('--reason <text>', 'why; kept')
    .action((name: string, flags: { reason?: string }) =>
      use(async (shell) => (await import('./schedule-pause.js')).scheduleDelete(name, flags, shell)),
    );
}
