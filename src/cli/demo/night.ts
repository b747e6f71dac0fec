import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** One of the two ways to run the demo's night: how it is started, and where its traces are. */
export interface Contender {
  readonly name: string;
  /** Arguments to `node`. */
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** The agent's own log: one line for each start, whoever asked for it. */
  readonly sessionLog: string;
  /** Where its posts appear. */
  readonly posts: string;
}

/** What a night came to, counted by the agent and at the destination, not by the one who ran it. */
export interface Outcome {
  readonly posts: number;
  readonly articles: number;
  readonly duplicates: number;
  readonly sessions: number;
  readonly seconds: number;
  readonly exitCode: number | null;
}

const LOOK_MS = 25;

/** Starts a night, kills it by SIGKILL in the middle of job 3, starts it again, and counts what came of it. */
export async function killedAndStartedAgain(
  contender: Contender,
  say: (line: string) => void,
): Promise<Outcome> {
  const begun = Date.now();
  const first = start(contender);
  await new Promise<void>((resolve, reject) => {
    const look = setInterval(() => {
      if (first.child.exitCode !== null) {
        clearInterval(look);
        reject(
          new Error(`${contender.name} ended before job 3 [exit ${first.child.exitCode}]\n${first.output()}`),
        );
      } else if (sessionsOf(contender) >= 3) {
        clearInterval(look);
        resolve();
      }
    }, LOOK_MS);
  });
  say(
    `job 3 is being written: ${contender.name} is killed (SIGKILL), ${postsOf(contender).length} posts are out`,
  );
  first.child.kill('SIGKILL');
  await first.ended;

  say('started again');
  const second = start(contender);
  const exitCode = await second.ended;
  if (exitCode !== 0) say(second.output());
  return { ...count(contender), seconds: (Date.now() - begun) / 1000, exitCode };
}

/** Starts a night that has nothing left to do. */
export async function startedOnceMore(contender: Contender): Promise<Outcome> {
  const begun = Date.now();
  const exitCode = await start(contender).ended;
  return { ...count(contender), seconds: (Date.now() - begun) / 1000, exitCode };
}

function start({ command, cwd, env }: Contender): {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output(): string;
} {
  const child = spawn(process.execPath, command, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-2000)));
  }
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code));
  });
  return { child, ended, output: () => output };
}

function count(contender: Contender): Pick<Outcome, 'posts' | 'articles' | 'duplicates' | 'sessions'> {
  const posts = postsOf(contender);
  // A content system that finds a name taken makes `name-2` of it; so does the naive script.
  const articles = new Set(posts.map((path) => path.replace(/-\d+(?=\.md$)/, ''))).size;
  return {
    posts: posts.length,
    articles,
    duplicates: posts.length - articles,
    sessions: sessionsOf(contender),
  };
}

function sessionsOf({ sessionLog }: Contender): number {
  if (!existsSync(sessionLog)) return 0;
  return readFileSync(sessionLog, 'utf8').split('\n').filter(Boolean).length;
}

function postsOf({ posts }: Contender): string[] {
  if (!existsSync(posts)) return [];
  return readdirSync(posts, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md') && existsSync(join(posts, path)))
    .sort();
}
