import { posix } from 'node:path';
import type { Problem } from '../contract/errors.js';
import { jobTitle, type Effect, type PlacedJob } from '../contract/job.js';
import type { Json } from '../contract/json.js';
import { shown } from './shown.js';

/** Where an object is going to be, as far as names tell. */
interface Place {
  /** Option that the name is taken from, and the name. */
  readonly option: string;
  readonly name: string;
  /** Two effects are at one place where these are the same. */
  readonly parts: readonly (Json | undefined)[];
  /** Names that differ only by case are one name to some systems. */
  readonly isCaseBlind?: true;
}

/** Publishers that find an object by a name; others say nothing of names, or find it by the effect's key. */
const PLACE_OF: Readonly<Record<string, (effect: Effect) => Place | undefined>> = {
  folder: ({ target, with: options }) =>
    named('path', options['path'], (path) => [posix.join(target, path)], { isCaseBlind: true }),
  git: ({ target, with: options }) =>
    named('path', options['path'], (path) => [target, options['branch'], path]),
  s3: ({ target, with: options }) =>
    named('key', options['key'], (key) => [below(target, key), options['endpoint']]),
  'azure-blob': ({ target, with: options }) =>
    named('key', options['key'], (key) => [
      below(target, key),
      options['container'],
      options['connectionString'],
    ]),
  wordpress: ({ with: options }) =>
    named('slug', options['slug'], (slug) => [slug, options['url'], options['restPath']]),
  ghost: ({ with: options }) => named('slug', options['slug'], (slug) => [slug, options['url']]),
  http: ({ with: options }) => named('lookup.url', fieldOf(options['lookup'], 'url'), (url) => [url]),
};

/**
 * Finds effects of different jobs that name one place. The first to land would have it, and each other would be paid for
 * and then held.
 */
export class SharedPlaces {
  private readonly firstAt = new Map<string, { readonly job: PlacedJob; readonly exact: string }>();
  private readonly found: Problem[] = [];

  add(job: PlacedJob, effect: Effect): void {
    const place = PLACE_OF[effect.use]?.(effect);
    if (!place) return;
    const { option, name, parts, isCaseBlind = false } = place;
    // Publishers put names into NFC: two spellings are one object.
    const exact = JSON.stringify([effect.use, parts]).normalize('NFC');
    const key = isCaseBlind ? exact.toLowerCase() : exact;
    const first = this.firstAt.get(key);
    if (first === undefined) {
      this.firstAt.set(key, { job, exact });
      return;
    }
    const byCase =
      first.exact === exact ? '' : ', but for upper and lower case: not every system keeps them apart';
    this.found.push({
      file: job.file,
      line: job.line,
      message:
        `effect "${effect.name}" of ${shown(jobTitle(job.identity))} has the place of ` +
        `${shown(jobTitle(first.job.identity))} (${first.job.file}:${first.job.line}): ` +
        `${shown(name)} at ${shown(effect.target)}${byCase}`,
      hint: `make ${option} from a field that tells the jobs apart`,
    });
  }

  problems(): readonly Problem[] {
    return this.found;
  }
}

function named(
  option: string,
  name: Json | undefined,
  partsOf: (name: string) => Place['parts'],
  more: Pick<Place, 'isCaseBlind'> = {},
): Place | undefined {
  return typeof name === 'string' ? { option, name, parts: partsOf(name), ...more } : undefined;
}

const below = (target: string, name: string): string => `${target.replace(/\/$/, '')}/${name}`;

const fieldOf = (value: Json | undefined, field: string): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value[field] : undefined;
