/** Short ways to hold a text against checks, as a batch file would name them. */
import { checkSchema } from '../../src/contract/checks.js';
import { runChecks, type CheckContext, type CheckFindings } from '../../src/checks/index.js';
import type { ReadText } from '../../src/checks/read-text.js';
import { textFindings } from '../../src/checks/text-checks.js';

export interface Given {
  readonly mime?: string;
  readonly baseDir?: string;
  readonly context?: Partial<CheckContext>;
}

export const job = {
  key: 'a'.repeat(32),
  identity: { site: 'blog', slug: 'one' },
  input: { topic: 'tides' },
  revision: 1,
};

/** In this thread, from source; `checks-thread.test.ts` has the other ones. */
const readText: ReadText = (request, { earlier }) =>
  textFindings(request, { earlier, begins: () => undefined });

/** @param checks as in YAML: defaults are filled in by the contract */
export const findings = (
  content: string | Uint8Array,
  checks: readonly unknown[],
  { mime, baseDir = '/', context }: Given = {},
): Promise<CheckFindings> =>
  runChecks({
    bytes: typeof content === 'string' ? Buffer.from(content) : content,
    mime,
    job,
    checks: checks.map((check) => checkSchema.parse(check)),
    baseDir,
    context: { signal: new AbortController().signal, readText, ...context },
  });

export const problems = async (
  content: string | Uint8Array,
  checks: readonly unknown[],
  given?: Given,
): Promise<readonly string[]> => (await findings(content, checks, given)).problems;
