/**
 * Templates of a batch file: prompts, targets, options of publishers. Same job, same text, on every host:
 * no clock, no chance, no files, no locale. A name that a job lacks is an error, never an empty place.
 */
import { Liquid, type Template } from 'liquidjs';
import { AdapterError } from '../contract/errors.js';
import type { Job } from '../contract/job.js';
import type { JsonObject } from '../contract/json.js';
import { Lru } from './lru.js';
import { shown } from './shown.js';

// `date` is left out on purpose: it reads the clock ("now") and the host's time zone.
const FILTERS: ReadonlySet<string> = new Set(
  (
    'append default downcase escape first join json last prepend replace size slice split strip strip_html ' +
    'truncate upcase'
  ).split(' '),
);
const TAGS: ReadonlySet<string> = new Set([
  'assign',
  'capture',
  'case',
  'comment',
  'for',
  'if',
  'raw',
  'unless',
]);

/** Names that a template may always use beside the fields of its job. A field of such a name is `input.<name>`. */
export const TEMPLATE_NAMES: ReadonlySet<string> = new Set([
  'key',
  'work',
  'revision',
  'identity',
  'input',
  'effect',
  'artifact',
]);

// Texts and ranges that one template may make, in characters and entries: a job of 1 MiB through ten filters fits.
const MEMORY_MAX = 16 * 1024 * 1024;
// A fuse for what the limit above does not count, such as a loop over a field inside a loop over it.
const RENDER_MS_MAX = 5_000;

const liquid = createLiquid();
const parsed = new Lru<Template[]>(500);

/** Everything a template can name. */
export type TemplateScope = JsonObject;

/** The fields of a job by name, and the names that are always there. */
export function templateScope(of: {
  readonly work: string;
  readonly job: Pick<Job, 'key' | 'identity' | 'input' | 'revision'>;
  readonly effectKey?: string;
}): TemplateScope {
  const { key, identity, input, revision } = of.job;
  const effect = of.effectKey === undefined ? {} : { effect: { key: of.effectKey } };
  return { ...input, ...identity, key, work: of.work, revision, identity, input, ...effect };
}

/**
 * Fills in a template.
 * @throws AdapterError `invalid` that names the template and what is wrong, such as the field a job lacks
 */
export function renderTemplate(template: string, scope: TemplateScope): string {
  if (!template.includes('{{') && !template.includes('{%')) return template; // most options are plain text
  try {
    return liquid.renderSync(parse(template), scope) as string;
  } catch (error) {
    throw new AdapterError('invalid', `template ${shown(template)} ${reasonOf(error)}`, {}, { cause: error });
  }
}

/** One use of a name in a template: `['input', 'title']` for `{{ input.title }}`. */
export type NameUsed = readonly [root: string, ...rest: string[]];

export type CheckedTemplate =
  | { readonly ok: true; readonly names: readonly NameUsed[] }
  | { readonly ok: false; readonly line: number; readonly column: number; readonly problem: string };

/** Reads a template without filling it in: the names it uses, or what is wrong and where in the template. */
export function checkTemplate(template: string): CheckedTemplate {
  try {
    const used = liquid.globalVariableSegmentsSync(parse(template), { partials: false });
    return { ok: true, names: used.map(fixedPart) };
  } catch (error) {
    const [line, column] = positionOf(error);
    return { ok: false, line, column, problem: reasonOf(error) };
  }
}

/** A part in brackets is only known once it is filled in: what stands before it is checked. */
function fixedPart(segments: readonly unknown[]): NameUsed {
  const open = segments.findIndex((segment) => Array.isArray(segment));
  const [root = '', ...rest] = (open < 0 ? segments : segments.slice(0, open)).map(String);
  return [root, ...rest];
}

function parse(template: string): Template[] {
  const known = parsed.get(template);
  if (known) return known;
  const fresh = liquid.parse(template);
  parsed.set(template, fresh);
  return fresh;
}

function createLiquid(): Liquid {
  const engine = new Liquid({
    strictVariables: true,
    strictFilters: true,
    lenientIf: true, // `{% if x %}` and `| default:` are how a template says that a field may be missing
    ownPropertyOnly: true,
    memoryLimit: MEMORY_MAX,
    renderLimit: RENDER_MS_MAX,
    outputEscape: textOfOutput,
  });
  keepOnly(engine.filters, FILTERS);
  keepOnly(engine.tags, TAGS);
  return engine;
}

function keepOnly(registry: Record<string, unknown>, names: ReadonlySet<string>): void {
  for (const name of Object.keys(registry)) if (!names.has(name)) delete registry[name];
}

/** Lists and objects have no one text; "[object Object]" in a post would be found out in the morning. */
function textOfOutput(value: unknown): string {
  if (Array.isArray(value)) throw new TypeError('fills in a list; write "| join" or "| json"');
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    throw new TypeError('fills in an object; name one of its fields, or write "| json"');
  }
  return value as string; // anything else is written the way Liquid does
}

function reasonOf(error: unknown): string {
  const { originalError } = error as { originalError?: Error & { variableName?: unknown } };
  if (typeof originalError?.variableName === 'string') {
    return `names ${shown(originalError.variableName)}, which this job does not have`;
  }
  if (originalError instanceof TypeError) return originalError.message;
  const message = error instanceof Error ? error.message.replace(/, line:\d+, col:\d+$/, '') : String(error);
  const filter = /^undefined filter: (.*)$/.exec(message);
  if (filter)
    return `uses the filter "${filter[1]}", which there is not; there are ${[...FILTERS].join(', ')}`;
  const tag = /^tag "(.*)" not found$/.exec(message);
  if (tag) return `uses the tag "${tag[1]}", which there is not; there are ${[...TAGS].join(', ')}`;
  const isWellFormed = error instanceof Error && error.name === 'RenderError';
  return `${isWellFormed ? 'fails' : 'is not well formed'}: ${message}`;
}

function positionOf(error: unknown): [line: number, column: number] {
  const { token } = error as { token?: { getPosition?: () => number[] } };
  const [line = 1, column = 1] = token?.getPosition?.() ?? [];
  return [line, column];
}
