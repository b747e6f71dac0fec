import { localTime, plural, localTimesIn } from '../report/format.js';
import { bold, dim, type Line, type Span } from '../report/line.js';
import { safeText } from '../report/safe-text.js';
import { tableLines } from '../report/table.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface AlertListFlags {
  readonly all?: boolean;
}

/** `nightshift alert list`: what a person has to see to, and which messages reached nobody. Needs no engine. */
export async function alertList(
  name: string | undefined,
  { all }: AlertListFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const { alerts, undelivered } = await nightshift.alerts({
    ...(name !== undefined && { name }),
    ...(all && { all }),
  });
  if (flags.json) {
    out.json({ alerts, undelivered });
    return ExitCode.done;
  }
  if (alerts.length === 0) {
    out.result(all ? 'there was never an alert' : 'no alert is open');
    // Said of another directory than that of the nights, it would let whoever was woken go back to bed.
    if ((await nightshift.list(1)).length === 0)
      out.note(
        `no batch was ever run in ${nightshift.config.stateDir}; --state names another state directory`,
      );
  }
  const rows = alerts.map(({ batchName, rule, state, detail, firstSeen, notifiedAt }): Span[] => [
    { style: state === 'open' ? 'red' : 'green', text: state },
    batchName,
    rule,
    detail.jobs === 0 ? '' : plural(detail.jobs, 'job'),
    localTime(firstSeen),
    notifiedAt === undefined ? 'nobody yet' : localTime(notifiedAt),
  ]);
  if (rows.length > 0)
    out.results(
      tableLines(['state', 'batch', 'about', 'hit', 'since', 'last told'], rows, out.resultColumns),
    );
  for (const { state, batchName, detail, told } of alerts) {
    if (state !== 'open') continue;
    out.results([
      [],
      [bold(`${batchName}: `), localTimesIn(safeText(detail.headline))],
      ...(told.length > 0 ? [[dim(`  told: ${safeText(told.join(', '))}`)] satisfies Line] : []),
      ...detail.next.map(({ what, command }): Line => [dim(`  ${what}: `), command]),
    ]);
  }
  for (const { batchName, kind, tries, answers, state } of undelivered) {
    const said = answers.map(({ channel, said: words }) => `${channel}: ${words}`).join('; ');
    const how = state === 'failed' ? 'was given up' : 'is tried again';
    out.results([
      [],
      [
        bold('not delivered: '),
        safeText(`${kind} of ${batchName}, ${plural(tries, 'try', 'tries')}, ${how}: ${said}`),
      ],
    ]);
  }
  return ExitCode.done;
}

/** `nightshift alert test`: one message through every channel, and what each of them said. */
export async function alertTest(file: string | undefined, shell: Shell): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const [newest] = file === undefined ? await nightshift.list(1) : [];
  const whose = newest === undefined ? 'the batch file' : `${newest.name}, as it was started last,`;
  if (newest)
    out.progress(
      `the channels of ${whose} are tried; those of a file: ${shell.command('alert', 'test')} FILE`,
    );
  const answers = await nightshift.testAlerts(file);
  const failed = answers.filter(({ took }) => !took).length;
  if (flags.json) out.json({ channels: answers });
  else if (answers.length === 0) out.result(`${whose} has no "alerts" and no "deadMan": nobody is told`);
  else {
    out.results(
      answers.map(({ channel, took, said }): Line => [
        { style: took ? 'green' : 'red', text: took ? 'took it' : 'failed ' },
        '  ',
        bold(safeText(channel)),
        `: ${safeText(said)}`,
      ]),
    );
  }
  return failed > 0 || answers.length === 0 ? ExitCode.configuration : ExitCode.done;
}
