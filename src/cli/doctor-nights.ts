import { durationMs, durationSchema } from '../contract/batch-file.js';
import { UsageError } from '../contract/errors.js';
import { findingLines } from './doctor.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface NightsFlags {
  readonly within?: string;
  readonly longest?: string;
}

const WITHIN = '24h';

/** `nightshift doctor --nightly`: did the nights happen? For cron, or a monitor; needs neither engine nor worker. */
export async function doctorNights(
  names: readonly string[],
  { within = WITHIN, longest }: NightsFlags,
  shell: Shell,
): Promise<ExitCode> {
  const withinMs = span('--within', within);
  const findings = await (
    await shell.nightshift()
  ).checkNights({
    names,
    withinMs,
    longestMs: longest === undefined ? withinMs : span('--longest', longest),
  });
  if (shell.flags.json) shell.out.json({ findings });
  else shell.out.results(findings.flatMap(findingLines));
  return findings.some(({ status }) => status === 'fail') ? ExitCode.incomplete : ExitCode.done;
}

function span(flag: string, text: string): number {
  const parsed = durationSchema.safeParse(text);
  if (parsed.success) return durationMs(parsed.data);
  throw new UsageError(`${flag} must be a duration such as 24h or 90m, not "${text}"`);
}
