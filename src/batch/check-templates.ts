import { AdapterError } from '../contract/errors.js';
import type { PlacedJob } from '../contract/job.js';
import { ARTIFACT_MARK, BARE_ARTIFACT } from './artifact-mark.js';
import { secretTextsOf, templatesOf, type BatchTemplate } from './batch-templates.js';
import { hasLogin } from './credentials.js';
import { SPELLS_OUT } from './effects.js';
import type { FileProblems } from './problems.js';
import type { JobsRead } from './read-jobs.js';
import { looksLikeReference, malformedReference } from './secrets.js';
import { nearest } from './nearest.js';
import { pathText, shown } from './shown.js';
import { checkTemplate, renderTemplate, TEMPLATE_NAMES, templateScope, type NameUsed } from './template.js';
import type { SourceDocument } from './yaml-document.js';

export interface CheckTemplates {
  readonly document: SourceDocument;
  /** Of the batch file. */
  readonly problems: FileProblems;
  /** Undefined when it is not good; then every name may be a field. */
  readonly identity: readonly string[] | undefined;
  /** Undefined when the jobs could not be looked for. */
  readonly read: JobsRead | undefined;
}

/**
 * Checks every template and reference to a secret before anything runs: that they are well formed, that the names
 * in them can exist, and that each job has what they name. An agent's work is paid for by the time a target fails.
 */
export function checkTemplates(o: CheckTemplates): void {
  const { document, problems, read } = o;
  for (const { path, text } of secretTextsOf(document.value)) {
    const broken = malformedReference(text);
    if (broken === undefined) continue;
    const hint = 'write ${env:NAME}, a name of letters, digits and "_"';
    problems.report({
      ...document.placeOf(path),
      message: `${pathText(path)}: ${broken} is no reference to a variable`,
      hint,
    });
  }
  for (const template of templatesOf(document.value)) {
    const names = namesIn(template, o);
    if (names && read?.fields) checkJobs(template, names, read);
  }
}

/** The names that a good template uses; a bad one is reported. */
function namesIn(template: BatchTemplate, o: CheckTemplates): readonly NameUsed[] | undefined {
  const { path, text, role } = template;
  const report = (message: string, hint?: string) =>
    o.problems.report({
      ...o.document.placeOf(path),
      message: `${pathText(path)} ${message}`,
      ...(hint !== undefined && { hint }),
    });
  if (role === 'target' && looksLikeReference(text)) {
    report('names a secret; a target is part of a key and shown in reports');
    return undefined;
  }
  if (role === 'target' && hasLogin(text)) {
    report(SPELLS_OUT, 'what signs in stands in `with`, as a reference: "${env:NAME}"');
    return undefined;
  }
  const checked = checkTemplate(text);
  if (!checked.ok) {
    const inside = checked.line > 1 ? ` (line ${checked.line} of the template)` : '';
    report(`${checked.problem}${inside}`);
    return undefined;
  }
  if (role === 'option' && checked.names.some(([root]) => root === 'artifact') && hasOther(text)) {
    report(
      'uses the artifact in more than {{ artifact }} alone',
      'for JSON, write the structure as YAML: content: "{{ artifact }}"',
    );
    return undefined;
  }
  const unknown = checked.names.filter((name) => !isKnown(name, role, o));
  for (const name of new Set(unknown.map((parts) => parts.join('.')))) {
    report(`names ${shown(name)}, which no job has`, knownHint(name, role, o));
  }
  const hidden = checked.names.find(([root]) => TEMPLATE_NAMES.has(root) && o.read?.fields?.has(root));
  if (hidden) {
    const [root] = hidden;
    report(
      `names "${root}", which is a field of the jobs and has a meaning of its own`,
      `write input.${root} for the field`,
    );
  }
  return unknown.length === 0 && !hidden ? checked.names : undefined;
}

/** The name stands elsewhere than in `{{ artifact }}`: what takes its place there can't be filtered or looked into. */
const hasOther = (template: string): boolean =>
  /\{[{%][^}]*\bartifact\b/.test(template.split(BARE_ARTIFACT).join(''));

function isKnown(
  [root, field]: NameUsed,
  role: BatchTemplate['role'],
  { identity, read }: CheckTemplates,
): boolean {
  if (root === 'effect') return role === 'option' && (field === undefined || field === 'key');
  if (root === 'artifact') return role === 'option' && field === undefined;
  if (TEMPLATE_NAMES.has(root) && field === undefined) return true;
  if (!identity) return true;
  if (root === 'identity') return identity.includes(field ?? '');
  if (!read?.fields) return true;
  if (root === 'input') return read.fields.has(field ?? '') && !identity.includes(field ?? '');
  return identity.includes(root) || read.fields.has(root);
}

function knownHint(name: string, role: BatchTemplate['role'], { identity, read }: CheckTemplates): string {
  if (name === 'effect.key' && role === 'target')
    return 'the key is made from the target; name the fields themselves';
  const always = ['key', 'work', 'revision', ...(role === 'option' ? ['effect.key', 'artifact'] : [])];
  const known = [...new Set([...(identity ?? []), ...(read?.fields ?? []), ...always])];
  const near = nearest(name.replace(/^(input|identity)\./, ''), known);
  const list = `known here: ${known.join(', ')}`;
  return near === undefined ? list : `did you mean "${near}"? ${list}`;
}

/** Fills the template in for those jobs that may lack a name. What every job has at its top can't be missing. */
function checkJobs(template: BatchTemplate, names: readonly NameUsed[], { jobs, problems }: JobsRead): void {
  const fields = names.map(fieldUsed).filter((used) => used !== undefined);
  for (const job of jobs) {
    const mayFail = fields.some(({ name, isNested }) => isNested || !hasField(job, name));
    const problem = mayFail ? renderProblem(template, job) : undefined;
    if (problem === undefined) continue;
    problems.report({
      line: job.line,
      message: `${pathText(template.path)} can't be filled in: ${problem}`,
      hint: 'add the field to the job, or give it a default: {{ field | default: "..." }}',
    });
  }
}

/** The job's own field that a name stands for, if it stands for one. */
function fieldUsed([root, ...rest]: NameUsed): { name: string; isNested: boolean } | undefined {
  if (root !== 'input' && root !== 'identity') {
    return TEMPLATE_NAMES.has(root) ? undefined : { name: root, isNested: rest.length > 0 };
  }
  const [name] = rest;
  return name === undefined ? undefined : { name, isNested: rest.length > 1 };
}

const hasField = ({ identity, input }: PlacedJob, name: string): boolean =>
  Object.hasOwn(input, name) || Object.hasOwn(identity, name);

function renderProblem({ text, role }: BatchTemplate, job: PlacedJob): string | undefined {
  const effectKey = role === 'option' ? { effectKey: job.key } : {}; // any key will do: nothing is kept
  try {
    const artifact = role === 'option' ? { artifact: ARTIFACT_MARK } : {};
    renderTemplate(text, { ...templateScope({ work: 'work', job, ...effectKey }), ...artifact });
    return undefined;
  } catch (error) {
    if (error instanceof AdapterError) return error.message;
    throw error;
  }
}
