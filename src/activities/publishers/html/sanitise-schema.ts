import type { Schema } from 'hast-util-sanitize';

/** Prefix of every id, so that none of them can stand for a global variable of the page's own scripts. */
export const ID_PREFIX = 'user-content-';

/** Elements that go with all they hold. Of others that are not allowed the text stays. */
const WITH_CONTENT = [
  'script',
  'style',
  'title',
  'iframe',
  'object',
  'embed',
  'noscript',
  'noembed',
  'noframes',
  'template',
  'svg',
  'math',
  'textarea',
  'select',
  'xmp',
];

/** Attributes of forms and frames, which are not let through; allowed everywhere by GitHub's schema. */
const NO_USE: ReadonlySet<unknown> = new Set([
  'action',
  'method',
  'accessKey',
  'tabIndex',
  'useMap',
  'prompt',
]);

/** GitHub's schema as `rehype-sanitize` has it, stricter where its way would leave rubbish or a way around. */
export function sanitiseSchema(github: Schema): Schema {
  const attributes = github.attributes ?? {};
  return {
    ...github,
    clobberPrefix: ID_PREFIX,
    strip: [...(github.strip ?? []), ...WITH_CONTENT],
    attributes: { ...attributes, '*': (attributes['*'] ?? []).filter((name) => !NO_USE.has(name)) },
  };
}
