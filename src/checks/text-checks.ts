import type { CheckSpec } from '../contract/checks.js';
import { artifactOf, isDocument, type CheckedArtifact } from './artifact.js';
import { readDocument, surelySeen, type DocumentParts } from './document.js';
import { isDrawn } from './drawn.js';
import { frontMatterOf, frontMatterTexts, missingFields } from './front-matter.js';
import { headingProblems } from './headings.js';
import { jsonProblems, schemaFrom, schemaProblems } from './json-schema.js';
import { placeholderProblems } from './placeholders.js';
import { similarProblems, type Earlier } from './similarity.js';
import { truncationProblems } from './truncated.js';
import { unseenProblems } from './unseen-characters.js';
import { countProblems, findProblems, type CountCheck } from './words.js';

/** A rule that needs nobody but the artifact. */
export type TextCheck = Exclude<CheckSpec, { links: unknown } | { use: string }>;

/** Plain data: it goes to another thread. */
export interface TextRequest {
  readonly bytes: Uint8Array;
  readonly mime: string | undefined;
  readonly checks: readonly TextCheck[];
  /** Absolute folder of the batch file. */
  readonly baseDir: string;
  /** What is wanted of an artifact without problems. */
  readonly wantsLinks: boolean;
}

/** Plain data, too. */
export interface TextFindings {
  /** One sentence each, in order; none where nothing is wrong. */
  readonly problems: readonly string[];
  /** Where they were wanted, and there are no problems. */
  readonly linked?: Pick<DocumentParts, 'links' | 'anchors'>;
}

export interface TextContext {
  readonly earlier: Earlier;
  /** Told the name of each check when it begins. */
  readonly begins: (check: string) => void;
}

/**
 * Holds an artifact against the rules that it can be held against by itself. Nothing of it waits for anybody, except for
 * earlier artifacts: an agent may well write a text that it takes hours to read, so that this is no work for a thread
 * that somebody else needs.
 * @throws AdapterError `config` for a schema that does not work
 */
export async function textFindings(request: TextRequest, context: TextContext): Promise<TextFindings> {
  const { bytes, mime, checks, wantsLinks } = request;
  context.begins('notEmpty');
  const artifact = artifactOf(bytes, mime);
  const run = new TextRun(request, artifact, context.earlier);
  if (await run.isEmpty()) return { problems: ['the artifact is empty'] };

  context.begins('characters');
  const problems = checks.some((check) => 'characters' in check) ? [] : unseenProblems(artifact);
  for (const check of checks) {
    context.begins(Object.keys(check).join());
    problems.push(...(await run.one(check)));
  }
  if (problems.length > 0 || !wantsLinks) return { problems };
  context.begins('links');
  return run.linked();
}

class TextRun {
  private document: ReturnType<typeof readDocument> | undefined;

  constructor(
    private readonly request: TextRequest,
    private readonly artifact: CheckedArtifact,
    private readonly earlier: Earlier,
  ) {}

  /** Nothing to read, or to look at, whatever stands there. */
  async isEmpty(): Promise<boolean> {
    const { text } = this.artifact;
    if (text === undefined) return this.artifact.bytes.length === 0;
    if (!isDrawn(text)) return true;
    if (!isDocument(this.artifact) || surelySeen(text)) return false;
    const document = await this.parsed();
    return !('problem' in document) && !isDrawn(document.parts.seen) && !document.parts.hasMedia;
  }

  async one(check: TextCheck): Promise<readonly string[]> {
    const { artifact, request, earlier } = this;
    const { text } = artifact;
    if ('notEmpty' in check || 'characters' in check) return []; // looked at already
    if (text === undefined) return [notText(Object.keys(check).join())];
    if ('notTruncated' in check) return truncationProblems(artifact);
    if ('frontMatter' in check) return this.frontMatter(text, check.frontMatter);
    if ('jsonSchema' in check) return jsonProblems(text, await schemaFrom(check.jsonSchema, request.baseDir));
    if ('notSimilar' in check) return similarProblems(text, earlier, check.notSimilar);
    if ('noPlaceholders' in check)
      return this.read(({ prose, links, labels }) =>
        placeholderProblems([prose, ...links, ...labels, ...frontMatterTexts(text)].join('\n')),
      );
    if ('headings' in check) {
      const { headings } = check;
      const wanted = 'required' in headings ? headings : { required: headings, ordered: false };
      return this.read((parts) => headingProblems(parts.headings, wanted));
    }
    if ('minWords' in check || 'maxWords' in check) return this.counted(text, check);
    return findProblems(text, check);
  }

  private async counted(text: string, check: CountCheck): Promise<readonly string[]> {
    if (!isDocument(this.artifact)) return countProblems(text, check);
    const document = await this.parsed();
    if (!('problem' in document)) return countProblems(document.parts.seen, check);
    // Of what says no type it may be that it is no document at all.
    return this.artifact.mime === undefined ? countProblems(text, check) : [document.problem];
  }

  async linked(): Promise<TextFindings> {
    if (this.artifact.text === undefined) return { problems: [notText('links')] };
    const document = await this.parsed();
    if ('problem' in document) return { problems: [document.problem] };
    const { links, anchors } = document.parts;
    return { problems: [], linked: { links, anchors } };
  }

  private async frontMatter(
    text: string,
    { required, schema }: Extract<TextCheck, { frontMatter: unknown }>['frontMatter'],
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

  private async read(look: (parts: DocumentParts) => readonly string[]): Promise<readonly string[]> {
    const document = await this.parsed();
    return 'problem' in document ? [document.problem] : look(document.parts);
  }

  /** Once, for all checks that look at its parts. */
  private parsed(): ReturnType<typeof readDocument> {
    return (this.document ??= readDocument(this.artifact));
  }
}

const notText = (check: string): string => `the artifact is not text, so "${check}" can't be checked`;
