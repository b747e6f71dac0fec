import type { Environment } from '../batch/secrets.js';
import type { CheckSpec } from '../contract/checks.js';
import { AdapterError } from '../contract/errors.js';
import { artifactOf } from './artifact.js';
import type { CheckedJob } from './define-check.js';
import { checkLinks } from './links/check-links.js';
import type { Resolve } from './links/open-link.js';
import { moduleProblems } from './module-check.js';
import { textFindingsInThread, type ReadText } from './read-text.js';
import { secretProblems } from './secrets.js';
import type { Earlier } from './similarity.js';
import type { TextCheck, TextFindings } from './text-checks.js';

export interface CheckRequest {
  readonly bytes: Uint8Array;
  readonly mime?: string | undefined;
  readonly job: CheckedJob;
  readonly checks: readonly CheckSpec[];
  /** Absolute folder of the batch file. */
  readonly baseDir: string;
  readonly context: CheckContext;
}

/** What checks need of the world. */
export interface CheckContext {
  readonly signal: AbortSignal;
  /** Earlier artifacts of the same work, newest first; `notSimilar` can't run without. */
  readonly earlier?: Earlier | undefined;
  /** Where `${env:NAME}` in the options of a module is looked up. */
  readonly env?: Environment | undefined;
  /** Variables that the batch file refers to: their secrets must not be in what goes out. */
  readonly secrets?: readonly string[] | undefined;
  /** How hosts of links become addresses; the system's own look-up by default. */
  readonly resolve?: Resolve | undefined;
  /** Where the artifact is read; a thread of its own by default. */
  readonly readText?: ReadText | undefined;
}

export interface CheckFindings {
  /** One sentence each; none lets the artifact out. */
  readonly problems: readonly string[];
  /** What could not be told, and fails nothing. */
  readonly notes: readonly string[];
}

const PROBLEMS_MAX = 20;

/**
 * Holds an artifact against the checks of its batch. An empty one never passes, nor one with a secret of the batch in
 * it, nor, unless the batch says so, one with characters that nobody sees and that change what is read. Checks that ask
 * somebody else, links and modules, are run only on what has passed all others.
 * @throws AdapterError when a check could not run, so that nothing is known of the artifact: `config` for a module or a
 *   schema that does not work, `transient` for a network that is down. The artifact must not be published then.
 */
export async function runChecks(request: CheckRequest): Promise<CheckFindings> {
  const { bytes, mime, checks, baseDir, context } = request;
  const { secrets = [], env = {}, earlier = noneToAsk, readText = textFindingsInThread, signal } = context;
  const leaks = secretProblems(bytes, secrets, env);
  if (leaks.length > 0) return { problems: leaks, notes: [] }; // no check module, and nobody else, gets to see it

  const ofText = {
    ...{ bytes, mime, baseDir },
    checks: checks.filter((check): check is TextCheck => !asksOthers(check)),
    wantsLinks: checks.some((check) => 'links' in check),
  };
  const { problems, linked } = await readText(ofText, { earlier, signal });
  return problems.length > 0 ? { problems: firstOf(problems), notes: [] } : askOthers(request, linked);
}

const asksOthers = (check: CheckSpec): boolean => 'links' in check || 'use' in check;

async function askOthers(
  { bytes, mime, job, checks, baseDir, context }: CheckRequest,
  linked: TextFindings['linked'],
): Promise<CheckFindings> {
  const problems: string[] = [];
  const notes: string[] = [];
  for (const check of checks) {
    context.signal.throwIfAborted();
    if ('links' in check && linked) {
      const found = await checkLinks(linked, check.links, context);
      problems.push(...found.problems);
      notes.push(...found.notes);
    } else if ('use' in check) {
      const input = { ...artifactOf(bytes, mime), job, signal: context.signal };
      problems.push(...(await moduleProblems(check, input, { baseDir, env: context.env ?? {} })));
    }
  }
  return { problems: firstOf(problems), notes: firstOf(notes) };
}

const noneToAsk: Earlier = () => {
  throw new AdapterError('config', 'the check "notSimilar" has no earlier artifacts to ask for', {
    sent: 'no',
  });
};

const firstOf = (problems: readonly string[]): string[] => {
  const each = [...new Set(problems)];
  const more = each.length - PROBLEMS_MAX;
  return more > 0 ? [...each.slice(0, PROBLEMS_MAX), `and ${more} more`] : each;
};
