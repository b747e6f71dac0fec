import { posix } from 'node:path';
import { formatProblem, type Problem } from '../contract/errors.js';
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
  // One URL may answer each tenant with its own, told apart by a header.
  http: ({ with: options }) =>
    named('lookup.url', fieldOf(options['lookup'], 'url'), (url) => [url, options['headers']]),
};

/** Hosts whose file systems take names that differ only by case for one, as they are set up. */
const CASE_BLIND_HOSTS: readonly NodeJS.Platform[] = ['darwin', 'win32'];

/** Notes of one batch; more would not be read. */
const NOTES_MAX = 5;

/**
 * Finds effects of different jobs that name one place. The first to land would have it, and each other would be paid for
 * and then held. Names that differ only by case are a problem on a host that is likely to take them for one, else noted.
 */
export class SharedPlaces {
  private readonly firstAt = new Map<string, PlacedJob>();
  private readonly firstByCase = new Map<string, PlacedJob>();
  private readonly found: Problem[] = [];
  private readonly noted: Problem[] = [];

  constructor(private readonly platform: NodeJS.Platform = process.platform) {}

  add(job: PlacedJob, effect: Effect): void {
    const place = PLACE_OF[effect.use]?.(effect);
    if (!place) return;
    const { option, name, parts, isCaseBlind = false } = place;
    // Publishers put names into NFC: two spellings are one object.
    const exact = JSON.stringify([effect.use, parts]).normalize('NFC');
    const message = (first: PlacedJob): string =>
      `effect "${effect.name}" of ${shown(jobTitle(job.identity))} has the place of ` +
      `${shown(jobTitle(first.identity))} (${first.file}:${first.line}): ${shown(name)} at ${shown(effect.target)}`;
    const { file, line } = job;
    const hint = `make ${option} from a field that tells the jobs apart`;
    const first = this.firstAt.get(exact);
    if (first) {
      this.found.push({ file, line, message: message(first), hint });
      return;
    }
    this.firstAt.set(exact, job);
    if (!isCaseBlind) return;
    const byCase = exact.toLowerCase();
    const like = this.firstByCase.get(byCase);
    if (!like) {
      this.firstByCase.set(byCase, job);
      return;
    }
    const said = `${message(like)}, but for upper and lower case: not every system keeps them apart`;
    if (CASE_BLIND_HOSTS.includes(this.platform)) this.found.push({ file, line, message: said, hint });
    else if (this.noted.length < NOTES_MAX) this.noted.push({ file, line, message: said });
  }

  problems(): readonly Problem[] {
    return this.found;
  }

  /** For people: what is one place on some systems, but not on this one. */
  notes(): string[] {
    return this.noted.map(formatProblem);
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
