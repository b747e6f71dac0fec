import { jobTitle } from '../../contract/job.js';

type Identity = Readonly<Record<string, string>>;

/** Titles of these jobs without the fields that are the same for all of them, such as the edition of the night. */
export function shortTitles(identities: readonly Identity[]): (identity: Identity) => string {
  const [first] = identities;
  if (first === undefined) return jobTitle;
  const telling = Object.keys(first).filter((field) =>
    identities.some((identity) => identity[field] !== first[field]),
  );
  if (telling.length === 0) return jobTitle;
  return (identity) => telling.map((field) => identity[field] ?? '').join(' / ');
}
