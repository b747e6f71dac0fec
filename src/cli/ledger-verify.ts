import type { Verification, VerifiedEffect } from '../client/verify-ledger.js';
import { plural } from '../report/format.js';
import type { Line, Style } from '../report/line.js';
import { tableLines } from '../report/table.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

const STYLES: Readonly<Record<VerifiedEffect['drift'], Style>> = {
  same: 'green',
  none: 'dim',
  unasked: 'dim',
  missing: 'red',
  drifted: 'yellow',
  extra: 'yellow',
  failed: 'red',
  former: 'yellow',
};

/** `nightshift ledger verify [NAME]`: asks the destinations whether all is as the receipts say. Needs no engine. */
export async function ledgerVerify(name: string | undefined, shell: Shell): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const show = (jobs: number) => out.live([[`asked for ${plural(jobs, 'job')}`]]);
  const verification = await nightshift.verify(name, show);
  out.endLive();
  if (flags.json) out.json(verification);
  else out.results(verificationLines(verification, out.resultColumns));
  return isSound(verification) ? ExitCode.done : ExitCode.incomplete;
}

const isSound = ({ counts: { missing, drifted, extra, failed, former } }: Verification): boolean =>
  missing + drifted + extra + failed + former === 0;

export function verificationLines({ jobs, counts, findings }: Verification, columns?: number): Line[] {
  const rows = findings.map(({ drift, title, name, place, why }) => [
    { style: STYLES[drift], text: drift },
    title,
    name,
    place ?? '',
    why ?? '',
  ]);
  const { same, missing, drifted, extra, unasked, failed, former } = counts;
  const words = [
    [same, 'as the receipt says'],
    [missing, 'missing'],
    [drifted, 'changed'],
    [extra, 'without a receipt'],
    [unasked, 'at a destination that can’t be asked'],
    [failed, 'not answered'],
    [former, 'of a former effect, not asked'],
  ] as const;
  const text = words.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return [
    ...(rows.length > 0 ? [...tableLines(['', 'job', 'effect', 'place', 'why'], rows, columns), []] : []),
    [`${plural(jobs, 'job')}: ${text.join(', ') || 'nothing has landed'}`],
  ];
}
