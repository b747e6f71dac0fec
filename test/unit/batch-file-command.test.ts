import { expect, test } from 'vitest';
import { fileCommand, runCommand } from '../../src/report/batch-file-command.js';
import { commandsAt } from '../../src/report/morning/commands.js';

const command = commandsAt({ directory: undefined, stateDir: '/srv/nights/.nightshift' });

test.each([
  [{}, 'nightshift run --state /srv/nights/.nightshift <its batch file>'],
  [{ edition: '2026-11-28' }, 'nightshift run --state /srv/nights/.nightshift <its batch file>'],
  [{ file: '/srv/a b/n.yaml' }, "nightshift run '/srv/a b/n.yaml' --state /srv/nights/.nightshift"],
  [
    { file: '/srv/n.yaml', edition: '2026-11-28' },
    'nightshift run /srv/n.yaml --edition 2026-11-28 --state /srv/nights/.nightshift',
  ],
])(
  'a batch from %j is started again by a command that can be pasted where its file is known',
  (from, typed) => {
    expect(runCommand(command, from)).toBe(typed);
  },
);

test('a command about the file alone names no edition', () => {
  const from = { file: '/srv/n.yaml', edition: '2026-11-28' };
  expect(fileCommand(command, ['alert', 'test'], from)).toBe(
    'nightshift alert test /srv/n.yaml --state /srv/nights/.nightshift',
  );
});
