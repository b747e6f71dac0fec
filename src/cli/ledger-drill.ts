import type { Drill, DrilledBatch } from '../client/drill.js';
import type { Batch } from '../client/nightshift.js';
import { fieldLines } from '../report/field-lines.js';
import { localTime, plural } from '../report/format.js';
import type { Line } from '../report/line.js';
import { tableLines } from '../report/table.js';
import { ExitCode } from './exit-codes.js';
import { copiesOf, toldDamaged } from './ledger-copies.js';
import type { Shell } from './shell.js';

export interface LedgerDrillFlags {
  readonly artifacts?: string;
}

/** `nightshift ledger drill BACKUP FILE…`: what a restore of that backup would come to. Needs no engine. */
export async function ledgerDrill(
  backup: string,
  files: readonly string[],
  { artifacts }: LedgerDrillFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const batches: Batch[] = [];
  for (const file of files) batches.push(await nightshift.read(file));
  const jobs = batches.reduce((sum, batch) => sum + batch.jobs.length, 0);
  out.progress(`asking the destinations of ${plural(jobs, 'job')}; nothing is sent`);
  const request = { file: backup, ...(artifacts !== undefined && { artifacts }) };
  const drilled = await shell.interrupts.during((signal) => nightshift.drill(request, batches, { signal }));
  if (flags.json) out.json(drilled);
  else out.results(drillLines(drilled, out.resultColumns));
  const damaged = toldDamaged(drilled.artifacts, out);
  const isGood = drilled.batches.every(({ counts }) => counts.again + counts.asked === 0) && !damaged;
  return isGood ? ExitCode.done : ExitCode.incomplete;
}

export function drillLines(
  { from, receipts, jobs, newestAt, restoredMs, artifacts, batches }: Drill,
  columns?: number,
  timeZone?: string,
): Line[] {
  const findings = batches.flatMap((batch) =>
    batch.findings.map(({ fate, title, name, target, why }) => [
      fate === 'again' ? ({ style: 'red', text: 'sent again' } as const) : 'asks you',
      title,
      `${name} ${target}`,
      why ?? '',
    ]),
  );
  return [
    ...fieldLines({
      backup: from,
      newest: newestAt === undefined ? undefined : localTime(newestAt, timeZone),
      restored: `${plural(receipts, 'receipt')}, ${plural(jobs, 'job')}${restoredMs === undefined ? '' : ` in ${(restoredMs / 1000).toFixed(1)} s`}, in a place of its own`,
      artifacts: copiesOf(artifacts),
    }),
    [],
    ...(findings.length > 0 ? [...tableLines(['', 'job', 'effect', 'why'], findings, columns), []] : []),
    ...batches.map((batch): Line => [sentenceOf(batch)]),
  ];
}

/** `nightly: of 12 effects that have landed, 10 are in the backup, 2 are found …` */
function sentenceOf({ name, landed, counts, paidAgain }: DrilledBatch): string {
  const { known, found, again, asked } = counts;
  const parts = [
    [known, 'in the backup'],
    [found, 'found at the destination'],
    [asked, 'for you to decide'],
  ] as const;
  const words = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const twice = `${again === 0 ? 'none' : again} sent a second time`;
  const paid = paidAgain === 0 ? '' : `; ${plural(paidAgain, 'session')} paid for again`;
  return `${name}: ${plural(landed, 'effect')} landed by now: ${[...words, twice].join(', ')}${paid}`;
}
