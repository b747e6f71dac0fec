/**
 * Names that GitHub, and most generators of static sites, give to headings: lower case, punctuation taken out, spaces
 * made into `-`, a number for each repetition. Source: the `github-slugger` package, whose rule this is.
 */
export function slugger(): (heading: string) => string {
  const seen = new Map<string, number>();
  return (heading) => {
    const plain = slugOf(heading);
    let slug = plain;
    let count = seen.get(plain) ?? 0;
    while (seen.has(slug)) slug = `${plain}-${++count}`;
    seen.set(plain, count);
    seen.set(slug, seen.get(slug) ?? 0);
    return slug;
  };
}

const slugOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');
