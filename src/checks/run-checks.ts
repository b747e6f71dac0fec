import type { Environment } from '../batch/secrets.js';
import type { CheckSpec } from '../contract/checks.js';
import { AdapterError } from '../contract/errors.js';
import { artifactOf, type CheckedArtifact } from './artifact.js';
import type { CheckedJob } from './define-check.js';
import { readDocument, type DocumentParts } from './document.js';
import { frontMatterOf, missingFields } from './front-matter.js';
import { headingProblems } from './headings.js';
import { jsonProblems, schemaFrom, schemaProblems } from './json-schema.js';
import { checkLinks } from './links/check-links.js';
import type { Resolve } from './links/open-link.js';
import { moduleProblems } from './module-check.js';
import { placeholderProblems } from './placeholders.js';
import { secretProblems } from './secrets.js';
import { similarProblems, type Earlier } from './similarity.js';
import { truncationProblems } from './truncated.js';
import { unseenProblems } from './unseen-characters.js';
import { wordProblems } from './words.js';

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
}

export interface CheckFindings {
  /** One sentence each; none lets the artifact out. */
  readonly problems: readonly string[];
  /** What could not be told, and fails nothing. */
  readonly notes: readonly string[];
}

const PROBLEMS_MAX = 20;

/** More than white space and what is never drawn, such as a zero width space. */
const VISIBLE = /[^\s\p{Cc}\p{Cf}]/u;

/**
 * Holds an artifact against the checks of its batch. An empty one never passes, nor one with a secret of the batch in
 * it, nor, unless the batch says so, one with characters that nobody sees and that change what is read. Checks that ask
 * somebody else, links and modules, are run only on what has passed all others.
 * @throws AdapterError when a check could not run, so that nothing is known of the artifact: `config` for a module or a
 *   schema that does not work, `transient` for a network that is down. The artifact must not be published then.
 */
export async function runChecks(request: CheckRequest): Promise<CheckFindings> {
  const artifact = artifactOf(request.bytes, request.mime);
  if (request.bytes.length === 0 || (artifact.text !== undefined && !VISIBLE.test(artifact.text)))
    return { problems: ['the artifact is empty'], notes: [] };

  const { secrets = [], env = {} } = request.context;
  const leaks = artifact.text === undefined ? [] : secretProblems(artifact.text, secrets, env);
  if (leaks.length > 0) return { problems: leaks, notes: [] }; // no check module, and nobody else, gets to see it

  const runner = new CheckRun(request, artifact);
  const inner = request.checks.filter((check) => !asksOthers(check));
  const outer = request.checks.filter(asksOthers);
  const problems = [...unseenIn(artifact, request.checks), ...(await runner.all(inner))];
  if (problems.length === 0) problems.push(...(await runner.all(outer)));
  return { problems: firstOf(problems), notes: firstOf(runner.notes) };
}

const unseenIn = (artifact: CheckedArtifact, checks: readonly CheckSpec[]): readonly string[] =>
  checks.some((check) => 'characters' in check) ? [] : unseenProblems(artifact);

const asksOthers = (check: CheckSpec): boolean => 'links' in check || 'use' in check;

class CheckRun {
  readonly notes: string[] = [];
  private document: ReturnType<typeof readDocument> | undefined;

  constructor(
    private readonly request: CheckRequest,
    private readonly artifact: CheckedArtifact,
  ) {}

  async all(checks: readonly CheckSpec[]): Promise<string[]> {
    const problems: string[] = [];
    for (const check of checks) {
      this.request.context.signal.throwIfAborted();
      problems.push(...(await this.one(check)));
    }
    return problems;
  }

  private async one(check: CheckSpec): Promise<readonly string[]> {
    const { artifact, request } = this;
    const { baseDir, context, job } = request;
    const { text } = artifact;
    if ('notEmpty' in check || 'characters' in check) return []; // looked at already
    if ('use' in check) {
      const { bytes, mime } = artifact;
      const input = { text, bytes, mime, job, signal: context.signal };
      return moduleProblems(check, input, { baseDir, env: context.env ?? {} });
    }
    if (text === undefined)
      return [`the artifact is not text, so "${Object.keys(check).join()}" can't be checked`];
    if ('notTruncated' in check) return truncationProblems(artifact);
    if ('frontMatter' in check) return this.frontMatter(text, check.frontMatter);
    if ('jsonSchema' in check) return jsonProblems(text, await schemaFrom(check.jsonSchema, baseDir));
    if ('notSimilar' in check) return similarProblems(text, this.earlier(), check.notSimilar);
    if ('noPlaceholders' in check)
      return this.read(({ prose, links }) => placeholderProblems([prose, ...links].join('\n')));
    if ('headings' in check) {
      const { headings } = check;
      const wanted = 'required' in headings ? headings : { required: headings, ordered: false };
      return this.read((parts) => headingProblems(parts.headings, wanted));
    }
    if ('links' in check) {
      return this.read(async (parts) => {
        const { problems, notes } = await checkLinks(parts, check.links, context);
        this.notes.push(...notes);
        return problems;
      });
    }
    return wordProblems(text, check);
  }

  private async frontMatter(
    text: string,
    { required, schema }: Extract<CheckSpec, { frontMatter: unknown }>['frontMatter'],
  ): Promise<readonly string[]> {
    const read = frontMatterOf(text);
    if (!read.ok) return [read.problem];
    const missing = missingFields(read.fields, required);
    if (schema === undefined) return missing;
    const { baseDir } = this.request;
    return [
      ...missing,
      ...schemaProblems(await schemaFrom(schema, baseDir), read.fields, 'its front matter'),
    ];
  }

  /** The document is parsed once, for all checks that look at its parts. */
  private async read(
    look: (parts: DocumentParts) => readonly string[] | Promise<readonly string[]>,
  ): Promise<readonly string[]> {
    this.document ??= readDocument(this.artifact);
    const document = await this.document;
    return 'problem' in document ? [document.problem] : look(document.parts);
  }

  private earlier(): Earlier {
    const { earlier } = this.request.context;
    if (earlier) return earlier;
    throw new AdapterError('config', 'the check "notSimilar" has no earlier artifacts to ask for', {
      sent: 'no',
    });
  }
}

const firstOf = (problems: readonly string[]): string[] => {
  const each = [...new Set(problems)];
  const more = each.length - PROBLEMS_MAX;
  return more > 0 ? [...each.slice(0, PROBLEMS_MAX), `and ${more} more`] : each;
};
