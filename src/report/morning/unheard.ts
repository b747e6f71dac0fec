import type { AlertMessage } from '../../ledger/alert-rows.js';
import type { Ledger } from '../../ledger/ledger.js';
import { undeliveredOf, whyUndelivered } from '../../policy/undelivered.js';
import { fileCommand, type StartedFrom } from '../batch-file-command.js';
import { plural } from '../format.js';
import type { commandsAt } from './commands.js';
import type { Decision } from './model.js';

/** Messages that are looked through, and those that are spelt out. */
const MESSAGES_MAX = 500;
const CASES_MAX = 10;

/** Messages about this batch that no channel took: who reads the report would have heard of them before. */
export async function readUnheard(
  batch: StartedFrom & { readonly name: string },
  ledger: Pick<Ledger, 'alertMessages'>,
  now: Date,
  command: ReturnType<typeof commandsAt>,
): Promise<Decision | undefined> {
  const messages = await ledger.alertMessages({ limit: MESSAGES_MAX });
  const unheard = undeliveredOf(
    messages.filter((message) => message.batchName === batch.name),
    now,
  );
  if (unheard.length === 0) return undefined;
  return {
    kind: 'unheard',
    title: `${plural(unheard.length, 'message')} reached nobody`,
    why: 'No channel took them, so nobody has heard of these, nor will of what comes next. Put the channel right; what is not given up goes out by itself then.',
    count: unheard.length,
    cases: unheard.slice(0, CASES_MAX).map((message) => ({
      title: aboutOf(message),
      detail: whyUndelivered(message),
      commands: [],
    })),
    commands: [
      { say: 'test every channel', command: fileCommand(command, ['alert', 'test'], batch) },
      { say: 'see all messages that were not delivered', command: command('alert', 'list', batch.name) },
    ],
  };
}

const KINDS: Readonly<Record<AlertMessage['kind'], string>> = {
  opened: 'alert',
  reminder: 'reminder',
  recovered: 'all clear',
  withdrawn: 'end of an incident',
  'ping-start': 'ping of the monitor at the start',
  'ping-success': 'ping of the monitor at a good end',
  'ping-fail': 'ping of the monitor at a bad end',
};

const aboutOf = ({ kind, body }: AlertMessage): string =>
  body === undefined ? KINDS[kind] : `${KINDS[kind]}: ${body.detail.headline}`;
