import { identityFieldSchema, nameSchema } from '../contract/batch-file.js';
import { UsageError } from '../contract/errors.js';
import { volatileNotes } from '../contract/volatile-fields.js';
import { canonicalForm, invisibleIn, normaliseValue } from '../identity/canonical.js';
import { jobKey } from '../identity/keys.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import { ExitCode } from './exit-codes.js';
import { fieldLines } from '../report/field-lines.js';
import type { Shell } from './shell.js';

export interface KeyFlags {
  readonly work?: string;
}

/** `nightshift key NAME=VALUE…`: the canonical form and the key of an identity, in the order given. */
export async function key(pairs: readonly string[], { work }: KeyFlags, shell: Shell): Promise<ExitCode> {
  const identity = identityOf(pairs);
  for (const note of notesOf(identity)) shell.out.note(`note: ${note}`);
  const canonical = canonicalForm(Object.values(identity));
  const found = jobKey(identity);
  const workflowId = work === undefined ? undefined : workflowIdOf(work, found);
  if (shell.flags.json) shell.out.json({ canonical, key: found, ...(workflowId && { workflowId }) });
  else shell.out.results(fieldLines({ canonical, key: found, workflow: workflowId }));
  return ExitCode.done;
}

/** What plan and run say of such jobs. */
export const notesOf = (identity: Readonly<Record<string, string>>): string[] => [
  ...volatileNotes(Object.keys(identity)),
  ...Object.entries(identity).flatMap(([name, value]) => {
    const invisible = invisibleIn(value);
    return invisible === undefined
      ? []
      : [`the value of "${name}" has ${invisible}; without it, this is another job`];
  }),
];

/** @throws UsageError that names everything wrong with the fields, not just the first thing */
export function identityOf(pairs: readonly string[]): Record<string, string> {
  const given = new Map<string, string>();
  const problems: string[] = [];
  for (const pair of pairs) {
    const [, name, raw] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined || raw === undefined) {
      problems.push(`"${pair}" is not NAME=VALUE`);
      continue;
    }
    const checked = identityFieldSchema.safeParse(name);
    const value = normaliseValue(raw);
    if (!checked.success)
      problems.push(`"${name}" ${checked.error.issues[0]?.message ?? 'is no field name'}`);
    if (!value.ok) problems.push(`the value of "${name}" ${value.problem}`);
    if (given.has(name)) problems.push(`"${name}" is given twice`);
    given.set(name, value.ok ? value.value : '');
  }
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  return Object.fromEntries(given);
}

function workflowIdOf(work: string, jobKeyOfIt: string): string {
  const checked = nameSchema.safeParse(work);
  if (!checked.success) throw new UsageError(`--work "${work}" ${checked.error.issues[0]?.message ?? ''}`);
  return jobWorkflowId({ work, jobKey: jobKeyOfIt });
}
