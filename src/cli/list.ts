import type { ListedBatch } from '../client/hold-over.js';
import { holdText, resumeWords } from '../contract/holds.js';
import { localTime } from '../report/format.js';
import type { Span } from '../report/line.js';
import { tableLines } from '../report/table.js';
import { batchDocument, stateSpan } from './batch-document.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface ListFlags {
  readonly limit: number;
}

/** `nightshift list`: batches of this state directory, newest first. Needs no engine. */
export async function list({ limit }: ListFlags, shell: Shell): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const [batches, holds] = await Promise.all([nightshift.list(limit), nightshift.holds()]);
  if (flags.json) {
    out.json({ batches: batches.map((batch) => ({ ...batchDocument(batch), hold: batch.hold })), holds });
  } else if (batches.length === 0) {
    out.progress(`no batch was ever run in ${nightshift.config.stateDir}`);
  } else {
    const newest = new Map([...batches].reverse().map((batch) => [wordsOf(batch), batch]));
    const rows = batches.map((batch): Span[] => {
      const { id, name, work, edition, state, jobs, openedAt, closedAt, hold } = batch;
      return [
        name,
        edition ?? '',
        work,
        stateSpan(state, hold),
        String(jobs),
        localTime(openedAt),
        closedAt === undefined ? '' : localTime(closedAt),
        newest.get(wordsOf(batch)) === batch ? '' : id,
      ];
    });
    out.results(
      tableLines(
        ['batch', 'edition', 'work', 'state', 'jobs', 'opened', 'closed', 'id'],
        rows,
        out.resultColumns,
      ),
    );
  }
  for (const hold of flags.json ? [] : holds) {
    out.result(
      `${holdText(hold)} (${hold.level}, since ${localTime(hold.since)}); lift it with: ${shell.command(...resumeWords(hold.scope))}`,
    );
  }
  return ExitCode.done;
}

/** What people call it by, which means the one opened last. */
const wordsOf = ({ name, edition }: Pick<ListedBatch, 'name' | 'edition'>): string =>
  JSON.stringify([name, edition]);
