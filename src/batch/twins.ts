import { jobTitle, type PlacedJob } from '../contract/job.js';
import type { Place, ProblemHere } from './problems.js';
import { shown } from './shown.js';

/** Further lines of one job that a message names, and lookalikes that are noted. */
const NAMED_MAX = 5;

/** Finds jobs of one batch that are the same job, and those that only look the same. */
export class Twins {
  private readonly firstByKey = new Map<string, PlacedJob>();
  private readonly repeats = new Map<string, { readonly place: Place; readonly jobs: PlacedJob[] }>();
  private readonly firstByLook = new Map<string, PlacedJob>();
  private readonly looksAlike: string[] = [];

  add(job: PlacedJob, { line, column }: Place): void {
    const first = this.firstByKey.get(job.key);
    if (!first) {
      this.firstByKey.set(job.key, job);
      this.note(job);
      return;
    }
    const known = this.repeats.get(job.key);
    if (known) known.jobs.push(job);
    else this.repeats.set(job.key, { place: { line, column }, jobs: [job] });
  }

  /** One problem per job that is listed more than once, at its second place. */
  *problems(): Generator<ProblemHere> {
    for (const [key, { place, jobs }] of this.repeats) {
      const first = this.firstByKey.get(key);
      if (!first) continue;
      const places = [first, ...jobs.slice(0, NAMED_MAX)].map(({ file, line }) => `${file}:${line}`);
      const more = jobs.length > NAMED_MAX ? ` and ${jobs.length - NAMED_MAX} more` : '';
      yield {
        ...place,
        message: `one job is listed ${jobs.length + 1} times, at ${places.join(' and ')}${more}: ${shown(jobTitle(first.identity))}`,
        hint: 'keep one of them, or add a field to the identity that tells them apart',
      };
    }
  }

  /** Notes for the operator, not problems: case and spaces matter, but a person may not have meant them to. */
  lookalikes(): readonly string[] {
    return this.looksAlike;
  }

  private note(job: PlacedJob): void {
    const look = lookOf(Object.values(job.identity));
    const first = this.firstByLook.get(look);
    if (!first) this.firstByLook.set(look, job);
    else if (this.looksAlike.length < NAMED_MAX) {
      this.looksAlike.push(
        `${first.file}:${first.line} and ${job.file}:${job.line} are two jobs that look like one: ` +
          `${spaced(first)} and ${spaced(job)}`,
      );
    }
  }
}

/** The same for values that a person could take for one: case, width, white space and what has no look of its own aside. */
const lookOf = (values: readonly string[]): string =>
  values
    .join('\0')
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/\s+/gu, ' ')
    .toLowerCase()
    .normalize('NFC');

/** A space of another kind looks like one; here it is what tells the two apart. */
const spaced = ({ identity }: PlacedJob): string =>
  shown(jobTitle(identity)).replace(
    /(?! )\p{Zs}/gu,
    (space) => `\\u{${space.codePointAt(0)?.toString(16) ?? ''}}`,
  );
