import { jobTitle, type Effect, type Job } from '../contract/job.js';

/** Jobs whose effects would go to one place: one of them would be refused, or overwrite the other. */
export interface Collision {
  readonly effect: string;
  readonly place: string;
  readonly jobs: readonly string[];
}

/** Options by which publishers name the place of an object below their target. */
const NAMING = ['slug', 'path', 'key'] as const;

/** Finds effects of different jobs that name one place. */
export class Collisions {
  private readonly byPlace = new Map<
    string,
    { readonly effect: string; readonly place: string; readonly jobs: string[] }
  >();

  add(job: Pick<Job, 'identity'>, effect: Effect): void {
    const name = NAMING.map((field) => effect.with[field]).find((value) => typeof value === 'string');
    if (name === undefined) return;
    const place = `${effect.target} ${name}`;
    const where = JSON.stringify([effect.use, effect.target, effect.with['url'] ?? '', name]);
    const known = this.byPlace.get(where) ?? { effect: effect.name, place, jobs: [] };
    known.jobs.push(jobTitle(job.identity));
    this.byPlace.set(where, known);
  }

  all(): Collision[] {
    return [...this.byPlace.values()].filter(({ jobs }) => jobs.length > 1);
  }
}
