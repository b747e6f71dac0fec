import { AdapterError, type ErrorClass, type ErrorFacts } from '../../../contract/errors.js';
import { messageOf } from '../../../contract/thrown.js';
import { codeOf } from '../../http/request.js';
import { shownText } from '../http/said.js';
import type { GitEnd } from './run-git.js';

/** A call of git that ended otherwise than hoped for. */
export class GitFailed extends Error {
  override readonly name = 'GitFailed';
  constructor(
    readonly doing: string,
    readonly end: GitEnd,
  ) {
    super(`git ${doing} failed`);
  }
}

/** A ref is no longer what was just seen of it: look again. */
export class RefMoved extends Error {
  override readonly name = 'RefMoved';
  constructor(readonly ref: string) {
    super(`${ref} moved while it was fetched`);
  }
}

interface Meaning {
  readonly said: RegExp;
  readonly errorClass: ErrorClass;
  readonly fix?: string;
  /** The program had not reached the repository yet. */
  readonly before?: true;
  /** The server answered, and said that it is in trouble. */
  readonly serverFault?: true;
}

/** What git, ssh and hosts write to stderr under LC_ALL=C; the first that fits counts. */
const MEANINGS: readonly Meaning[] = [
  {
    said: /host key verification failed|remote host identification has changed/i,
    errorClass: 'config',
    fix: 'add the host’s key to known_hosts of the worker’s user',
    before: true,
  },
  {
    said: /repository .*not found|does not appear to be a git repository|no such repository|not exported|returned error: 404|not a git repository/i,
    errorClass: 'config',
    fix: 'check the target, and that the worker’s user may see it',
    before: true,
  },
  {
    said: /authentication failed|could not read (username|password)|permission denied|access denied|invalid credentials|returned error: 40[13]|terminal prompts disabled|not authorized/i,
    errorClass: 'auth',
    fix: 'check with.token or the ssh key, and that it may write to this repository',
    before: true,
  },
  {
    said: /dubious ownership/i,
    errorClass: 'config',
    fix: 'the repository belongs to another user; run the worker as that user',
    before: true,
  },
  {
    said: /service not enabled/i,
    errorClass: 'auth',
    fix: 'this server does not take pushes; use an address that does',
    before: true,
  },
  {
    said: /does not support --atomic/i,
    errorClass: 'config',
    fix: 'without atomic pushes a key and its content can’t land together; use another host or another publisher',
    before: true,
  },
  {
    said: /no space left on device|disk quota exceeded/i,
    errorClass: 'exhausted',
    fix: 'make room and start again',
  },
  {
    said: /could not resolve host|name or service not known|temporary failure in name resolution|unable to look up|connection refused|no route to host|network is unreachable|failed to connect|unable to connect/i,
    errorClass: 'transient',
    before: true,
  },
  { said: /returned error: 429|rate limit/i, errorClass: 'throttled' },
  { said: /returned error: 5(?!01)\d\d/i, errorClass: 'transient', serverFault: true },
  {
    said: /timed out|hung up|read error|initial contact|could not read from remote|connection (was )?(reset|closed)|early eof|broken pipe|unexpected disconnect|curl \d+|rpc failed|\.lock'?: file exists/i,
    errorClass: 'transient',
  },
];

/** Our clone is damaged or gone: anything in the cache folder may be deleted at any time. */
export const isBrokenClone = (error: unknown): boolean =>
  error instanceof GitFailed &&
  !/no space left|disk quota/i.test(error.end.stderr) &&
  /not a git repository: '|bad object|bad tree|unable to read|is corrupt|is empty|missing (blob|tree|commit)|invalid object|could not (open|write|create)|unable to (create|write|open)|cannot mkdir/i.test(
    error.end.stderr,
  );

/** Gives every error a class; those that have one keep it. Pure. */
export function gitError(error: unknown, doing: string): AdapterError {
  if (error instanceof AdapterError) return error;
  if (error instanceof RefMoved)
    return new AdapterError('transient', `${doing}: ${error.message}`, { sent: 'no' });
  if (!(error instanceof GitFailed)) return systemError(error, doing);
  const { end } = error;
  const meaning = meaningOf(end);
  const said = end.timedOut ? 'no end within with.timeout' : wordsOf(end.stderr);
  const fix = meaning.fix === undefined ? '' : `; ${meaning.fix}`;
  return new AdapterError(
    meaning.errorClass,
    `${doing}: git ${error.doing} failed [use=git]: ${said}${fix}`,
    {
      sent: 'no',
    },
  );
}

/** What became of a push that ended without a word on its refs. */
export function unclearPush(end: GitEnd, doing: string): AdapterError {
  const meaning = meaningOf(end);
  const error = gitError(new GitFailed('push', end), doing);
  if (meaning.before && !end.timedOut) return error;
  const facts: ErrorFacts = { sent: 'maybe', ...(meaning.serverFault && { serverFault: true }) };
  return new AdapterError('unknown', error.message, facts);
}

const PASSING: Omit<Meaning, 'said'> = { errorClass: 'transient' };

function meaningOf({ stderr, code, timedOut }: GitEnd): Omit<Meaning, 'said'> {
  if (timedOut || code === null) return PASSING;
  return MEANINGS.find(({ said }) => said.test(stderr)) ?? { errorClass: 'bug' };
}

function systemError(error: unknown, doing: string): AdapterError {
  const code = codeOf(error);
  const said = shownText(messageOf(error));
  const facts: ErrorFacts = { sent: 'no', ...(code !== undefined && { code }) };
  const make = (errorClass: ErrorClass, text: string) =>
    new AdapterError(errorClass, `${doing} failed [use=git]: ${text}`, facts, { cause: error });
  if (code === 'ENOENT' && /spawn git/.test(said))
    return make('config', 'git is not installed, or not in PATH');
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return make('exhausted', `${said}; make room in the cache folder`);
  if (code === 'EACCES' || code === 'EROFS') return make('config', `${said}; the worker may not write there`);
  if (code !== undefined && /^E[A-Z]+$/.test(code)) return make('transient', said);
  return make('bug', said);
}

/** The lines that say what is wrong, without progress and advice, as one harmless line. */
export function wordsOf(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    .map((text) => shownText(text))
    .filter((text) => text !== '' && !/^(hint:|To |Everything up-to-date|Cloning into)/.test(text));
  return shownText(lines.slice(-4).join(' | ')) || 'it said nothing';
}
