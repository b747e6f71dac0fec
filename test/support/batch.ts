import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of one test, with a batch in it whose agent keeps its own log of starts: what would have been paid for. */
export interface TestBatch {
  readonly dir: string;
  readonly file: string;
  readonly state: string;
  /** One line for each start of the agent: `<slug> <attempt>`. */
  sessions(): string[];
  /** Paths of everything published, hidden files left out. */
  published(): string[];
  read(path: string): string;
}

export interface BatchOptions {
  readonly name?: string;
  readonly work?: string;
  readonly slugs: readonly string[];
  /** Seconds that the agent takes. */
  readonly seconds?: number;
  readonly concurrency?: number;
  /** Shell text run by the agent before it writes its artifact; `$slug` is set. */
  readonly before?: string;
  readonly sessionsMax?: number;
  /** Column `title` of each job; changes the payload. */
  readonly title?: (slug: string) => string;
  readonly revision?: (slug: string) => number;
  readonly dir?: string;
  /** State directory; one of its own in `dir`, unless tests share one. */
  readonly state?: string;
  readonly file?: string;
  readonly checks?: string;
  /** `effects` of the batch, if not one file for each job. */
  readonly effects?: string;
}

export const tempDir = (name = 'nightshift-'): string => mkdtempSync(join(tmpdir(), name));

const FILES = `effects:
  - { name: post, use: folder, target: "./public/{{ site }}", with: { path: "{{ category }}/{{ slug }}.md" } }`;

/** Writes a batch whose agent publishes "article <slug>" after a while. */
export function writeBatch(options: BatchOptions): TestBatch {
  const dir = options.dir ?? tempDir();
  mkdirSync(dir, { recursive: true });
  const { name = 'nightly', work = 'article', seconds = 0.1, concurrency = 4, slugs } = options;
  const stem = options.file ?? 'batch';
  writeFileSync(
    join(dir, 'agent.sh'),
    [
      'job=$(cat)',
      `slug=$(printf %s "$job" | sed 's/.*"slug":"\\([^"]*\\)".*/\\1/')`,
      'echo "$slug $NIGHTSHIFT_ATTEMPT" >> sessions.log',
      options.before ?? '',
      `sleep ${seconds}`,
      'echo "article $slug"',
      `printf %s "$job" | sed 's/.*"title":"\\([^"]*\\)".*/title \\1/'`,
    ].join('\n'),
  );
  writeFileSync(
    join(dir, `${stem}.csv`),
    ['site,category,slug,title,revision', ...slugs.map((slug) => row(slug, options))].join('\n'),
  );
  const file = join(dir, `${stem}.yaml`);
  writeFileSync(
    file,
    `name: ${name}
work: ${work}
jobs: ./${stem}.csv
agent: { use: command, command: [sh, agent.sh], timeout: 60s }
checks: ${options.checks ?? '[{ notEmpty: true }]'}
${options.effects ?? FILES}
limits: { concurrency: ${concurrency} }
retry: { sessions: ${options.sessionsMax ?? 3} }
`,
  );
  return {
    dir,
    file,
    state: options.state ?? join(dir, 'state'),
    sessions: () => linesOf(join(dir, 'sessions.log')),
    published: () => walk(join(dir, 'public')),
    read: (path) => readFileSync(join(dir, 'public', path), 'utf8'),
  };
}

/** The same for an agent that is hosted; its jobs go to the same places. */
export function writeHostedBatch(
  provider: string,
  given: { readonly dir: string; readonly name: string; readonly slugs: readonly string[] },
  hosted: {
    readonly options: object;
    readonly concurrency: number;
    readonly timeout?: string;
    readonly quiet?: string;
    readonly alerts?: string;
    /** Of the agent. */
    readonly limits?: object;
  },
): TestBatch {
  const { name } = given;
  const batch = writeBatch({ ...given, work: name });
  writeFileSync(
    batch.file,
    `name: ${name}
work: ${name}
jobs: ./batch.csv
agent:
  use: ${provider}
  prompt: Write about {{ title }}.
  timeout: ${hosted.timeout ?? '1h'}${
    hosted.quiet === undefined
      ? ''
      : `
  quiet: ${hosted.quiet}`
  }
  with: ${JSON.stringify(hosted.options)}
  limits: ${JSON.stringify(hosted.limits ?? {})}
${FILES}
limits: { concurrency: ${hosted.concurrency} }
alerts: ${hosted.alerts ?? '[]'}
`,
  );
  return batch;
}

const row = (slug: string, { title, revision }: BatchOptions): string =>
  `blog,news,${slug},${title?.(slug) ?? `About ${slug}`},${revision?.(slug) ?? 1}`;

export const slugsOf = (count: number, prefix = 'job'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${String(index + 1).padStart(2, '0')}`);

function linesOf(file: string): string[] {
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];
}

function walk(root: string, below = ''): string[] {
  if (!existsSync(join(root, below))) return [];
  return readdirSync(join(root, below), { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .flatMap((entry) =>
      entry.isDirectory() ? walk(root, join(below, entry.name)) : [join(below, entry.name)],
    )
    .sort();
}

/** Names that occur more than once. */
export const twice = (names: readonly string[]): string[] =>
  names.filter((name, index) => names.indexOf(name) !== index);
