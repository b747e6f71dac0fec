import type { Command } from 'commander';
import type { AlertListFlags } from './alerts.js';
import { verbsBelow } from './program-text.js';
import type { Action } from './program.js';

/** The verbs below `nightshift alert`. */
export function addAlertVerbs(alert: Command, use: (action: Action) => void): void {
  const verb = verbsBelow(alert);

  verb('list [name]', 'list what a person has to see to, and messages that reached nobody', [
    'nightshift alert list',
  ])
    .option('--all', 'what is over, too')
    .action((name: string | undefined, flags: AlertListFlags) =>
      use(async (shell) => (await import('./alerts.js')).alertList(name, flags, shell)),
    );

  verb(
    'test [file]',
    'send a test message through every channel of a batch file; of the batch run last unless named',
    ['nightshift alert test batch.yaml', 'exit code 78: a channel did not take it'],
  ).action((file: string | undefined) =>
    use(async (shell) => (await import('./alerts.js')).alertTest(file, shell)),
  );
}
