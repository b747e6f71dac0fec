import type { Problem } from '../contract/errors.js';
import { jobTitle, type Effect, type PlacedJob } from '../contract/job.js';
import { shown } from './shown.js';

/**
 * Where these publishers take the name of an object below their target from, and what else tells objects of one name
 * apart; others say nothing of names.
 */
const NAMED_BY: Readonly<Record<string, readonly [name: string, ...others: string[]]>> = {
  folder: ['path'],
  git: ['path', 'branch'],
  s3: ['key', 'endpoint'],
  'azure-blob': ['key', 'container', 'connectionString'],
  wordpress: ['slug', 'url', 'restPath'],
  ghost: ['slug', 'url'],
};

/**
 * Finds effects of different jobs that name one place. The first to land would have it, and each other would be paid for
 * and then held.
 */
export class SharedPlaces {
  private readonly firstAt = new Map<string, PlacedJob>();
  private readonly found: Problem[] = [];

  add(job: PlacedJob, effect: Effect): void {
    const [nameOption = '', ...others] = NAMED_BY[effect.use] ?? [];
    const name = effect.with[nameOption];
    if (typeof name !== 'string') return;
    const place = JSON.stringify([
      effect.use,
      effect.target,
      name,
      others.map((option) => effect.with[option]),
    ]);
    const first = this.firstAt.get(place);
    if (first === undefined) {
      this.firstAt.set(place, job);
      return;
    }
    this.found.push({
      file: job.file,
      line: job.line,
      message:
        `effect "${effect.name}" of ${shown(jobTitle(job.identity))} has the place of ` +
        `${shown(jobTitle(first.identity))} (${first.file}:${first.line}): ${shown(name)} at ${shown(effect.target)}`,
      hint: `make ${nameOption} from a field that tells the jobs apart`,
    });
  }

  problems(): readonly Problem[] {
    return this.found;
  }
}
