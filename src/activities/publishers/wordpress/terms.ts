import { AdapterError } from '../../../contract/errors.js';
import type { Taxonomy, WordPressApi } from './api.js';
import { decodeEntities, escapeText } from './entities.js';
import type { WordPressOptions } from './options.js';
import type { Term } from './schemas.js';

type Wanted = NonNullable<WordPressOptions['tags']>;

/**
 * Ids of the categories and tags that the batch names. WordPress drops ids that it doesn't know without a word, so
 * each is looked up.
 * @throws AdapterError `invalid`, `sent: 'no'`, for a term that is missing, or a name that several have
 */
export async function resolveTerms(
  { categories, tags }: Pick<WordPressOptions, 'categories' | 'tags'>,
  api: Pick<WordPressApi, 'termsById' | 'termsLike'>,
): Promise<{ readonly categories?: readonly number[]; readonly tags?: readonly number[] }> {
  return {
    ...(categories !== undefined && { categories: await idsOf('categories', categories, api) }),
    ...(tags !== undefined && { tags: await idsOf('tags', tags, api) }),
  };
}

async function idsOf(
  taxonomy: Taxonomy,
  wanted: Wanted,
  api: Pick<WordPressApi, 'termsById' | 'termsLike'>,
): Promise<readonly number[]> {
  const ids = new Set<number>();
  for (const term of wanted) {
    ids.add(typeof term === 'number' ? await known(taxonomy, term, api) : await byName(taxonomy, term, api));
  }
  return [...ids];
}

async function known(taxonomy: Taxonomy, id: number, api: Pick<WordPressApi, 'termsById'>): Promise<number> {
  if ((await api.termsById(taxonomy, [id])).some((term) => term.id === id)) return id;
  throw missing(taxonomy, String(id));
}

/** The exact name. A number in a text is a name first, as of the tag "2026", and an id where no term is named so. */
async function byName(
  taxonomy: Taxonomy,
  name: string,
  api: Pick<WordPressApi, 'termsById' | 'termsLike'>,
): Promise<number> {
  const wanted = name.normalize('NFC');
  const isNamed = (term: Term): boolean => decodeEntities(term.name).normalize('NFC') === wanted;
  // WordPress searches what it has stored, and it stores names with entities.
  const found = (await api.termsLike(taxonomy, escapeText(wanted))).filter(isNamed);
  const [first, second] = found;
  if (first && second) {
    const ids = found.map(({ id }) => id).join(', ');
    throw refused(`with.${taxonomy}: several have the name ${JSON.stringify(name)}; give an id: ${ids}`);
  }
  if (first) return first.id;
  if (/^[1-9]\d{0,14}$/.test(name)) return known(taxonomy, Number(name), api);
  throw missing(taxonomy, JSON.stringify(name));
}

const missing = (taxonomy: Taxonomy, what: string): AdapterError =>
  refused(`with.${taxonomy}: the site has no ${what}; make it there, or correct the batch`);

const refused = (message: string): AdapterError => new AdapterError('invalid', message, { sent: 'no' });
