import type { Answer, Nightshift } from '../client/nightshift.js';
import { isUnderWay } from '../contract/states.js';
import type { BatchRow } from '../ledger/ledger.js';
import type { StartedFrom } from '../report/batch-file-command.js';
import type { Line } from '../report/line.js';
import { batchOf } from './batch-document.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface ControlFlags {
  readonly reason?: string;
}

/** How one verb of operation asks and what it says of the answer. */
export interface Control<T> {
  readonly ask: (nightshift: Nightshift, nameOrId: string, reason?: string) => Promise<Answer<T>>;
  readonly say: (name: string, answer: Answer<T>, about: AboutBatch) => string;
  /** What of it a person has to see to, below the answer. */
  readonly left?: (state: T) => readonly Line[];
}

/** What commands about the batch are made of. */
export interface AboutBatch {
  readonly named: readonly string[];
  readonly from: StartedFrom;
}

/**
 * What `pause`, `resume` and `cancel` of one batch have in common: the runs under way of a name, or one run by its id.
 * A batch that has ended is no error: what was asked for can't happen any more, and asking again is safe.
 */
export async function control<T extends object>(
  name: string,
  { reason }: ControlFlags,
  shell: Shell,
  { ask, say, left }: Control<T>,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const wanted = await batchesMeant(name, nightshift);
  const answers: object[] = [];
  let code: ExitCode = ExitCode.done;
  for (const { nameOrId, ...about } of wanted) {
    const answer = await ask(nightshift, nameOrId, reason);
    answers.push({ batch: nameOrId, answer: answer.kind, ...(answer.kind === 'answered' && answer.state) });
    const lines = (answer.kind === 'answered' && left?.(answer.state)) || [];
    if (lines.length > 0) code = ExitCode.incomplete;
    if (flags.json) continue;
    out.result(say(wanted.length > 1 ? nameOrId : batchOf(nameOrId), answer, about));
    out.results(lines);
  }
  if (flags.json) out.json({ batches: answers });
  return code;
}

interface Meant extends AboutBatch {
  readonly nameOrId: string;
}

async function batchesMeant(name: string, nightshift: Nightshift): Promise<readonly Meant[]> {
  const batches = await nightshift.list(Number.MAX_SAFE_INTEGER);
  const open = batches.filter(({ state }) => isUnderWay(state));
  // A name stands for all its runs under way: one of other jobs may have been started since, and have ended.
  const named = open.filter((batch) => batch.name === name);
  if (named.length > 0) return Promise.all(named.map((batch) => meant(batch.id, batch)));
  const found = batches.find((batch) => batch.id === name || batch.name === name);
  return [found ? await meant(name, found) : { nameOrId: name, named: [name], from: {} }];

  async function meant(nameOrId: string, batch: BatchRow): Promise<Meant> {
    return { nameOrId, named: await nightshift.wordsFor(batch.id), from: batch };
  }
}
