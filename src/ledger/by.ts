import type { By } from './ledger.js';

/** One line that says who wrote: run, try and process, for `history`. Outside of any run, the process alone. */
export const writerOf = ({ workflowId, runId, attempt, worker }: By): string =>
  runId === '' ? worker : `${workflowId}, run ${runId}, attempt ${attempt}, ${worker}`;

/** What such a line says; what people and other processes write is a name alone. */
export function parseWriter(
  text: string,
): Partial<Pick<By, 'runId' | 'attempt'>> & { readonly name: string } {
  const [, runId, attempt, name] = /, run (\S+), attempt (\d+), (.+)$/.exec(text) ?? [];
  if (runId === undefined || attempt === undefined || name === undefined) return { name: text };
  return { runId, attempt: Number(attempt), name };
}
